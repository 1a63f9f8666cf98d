"""`pipeline run --head N`: what a job would give on its first records. Nothing is kept."""

from __future__ import annotations

import argparse
import sys

import orjson

from pipeline.config import Config
from pipeline.console.text import Preview, aligned
from pipeline.engine.calls import Calls
from pipeline.engine.head import head
from pipeline.engine.plan import planned
from pipeline.engine.run_folder import run_folder


async def show_head(config: Config, calls: Calls, args: argparse.Namespace) -> int:
    """Writes the rows to standard output: a table on a terminal, ndjson elsewhere."""
    with run_folder(config.run.state, config.name) as folder:
        async with planned(config, args.date, calls, folder, lambda _: None) as plan:
            preview = Preview.read(await head(plan, calls, folder, args.head))
    if sys.stdout.isatty():
        sys.stdout.writelines(line + "\n" for line in aligned(preview))
    else:
        names = [name for name, _ in preview.columns]
        for row in preview.rows:
            sys.stdout.write(orjson.dumps(dict(zip(names, row, strict=True))).decode() + "\n")
    return 0
