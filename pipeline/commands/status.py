"""`pipeline status`: the runs of a job, what each did, and what is pending, given up or rejected."""

from __future__ import annotations

import argparse
import os

import orjson

from pipeline.config import load
from pipeline.console.history import lines
from pipeline.console.streams import write_results
from pipeline.engine.lock import holder
from pipeline.engine.state import journal_path
from pipeline.journal.history import read_history


def main(args: argparse.Namespace) -> int:
    """Writes it to standard output, as text or as one JSON object. Reads the state and nothing else; a run may be at
    work."""
    config = load(args.config, overrides=args.overrides, environ=os.environ)
    path = journal_path(config.run.state, config.name)
    at_work = holder(path.with_name("lock"))  # asked first: a run that ends meanwhile has an end in its history
    history = read_history(str(path))
    if args.json:
        told = {"job": config.name, "state": str(path.parent), "at_work": at_work, **history.document()}
        write_results([orjson.dumps(told).decode()])
    else:
        write_results(lines(config.name, str(path.parent), history, at_work))
    return 0
