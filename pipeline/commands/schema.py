"""`pipeline schema`: prints the JSON Schema of config files, so that editors complete and check them."""

from __future__ import annotations

import argparse

import orjson

from pipeline.config import json_schema
from pipeline.console.streams import write_results


def main(_args: argparse.Namespace) -> int:
    """Writes the schema to standard output."""
    write_results([orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2).decode()])
    return 0
