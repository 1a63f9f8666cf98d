"""`pipeline schema`: prints the JSON Schema of config files, so that editors complete and check them."""

from __future__ import annotations

import argparse
import sys

import orjson

from pipeline.config import json_schema


def main(_args: argparse.Namespace) -> int:
    """Writes the schema to standard output."""
    sys.stdout.write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0
