"""The command line: words in, an exit code out. What each command does is in `pipeline.commands`.

Light to import, on purpose: a worker imports the module its parent was started from.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import date

from pipeline.engine.forkserver import start_forkserver
from pipeline.errors import ConfigError, PipelineError, cause_of

COMMANDS = {
    "run": "run the job",
    "plan": "list what a run would do: inputs, sizes, chunks, memory; reads no data but for types to infer",
    "check": "validate the config, its expressions included",
    "schema": "print the JSON Schema of config files, for editors",
}

WITH_WORKERS = ("run", "plan", "check")


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    top = argparse.ArgumentParser(prog="pipeline", description="Many files in, one table out.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    words = {name: commands.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}
    for name in ("run", "plan", "check"):
        words[name].add_argument("config", metavar="CONFIG", help="a YAML file; one file is one job")
        words[name].add_argument(
            "--set",
            dest="overrides",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help="use another value for one key, such as run.workers=4; the value is YAML; may be repeated",
        )
        words[name].add_argument(
            "--date", type=_date, metavar="YYYY-MM-DD", help="what {date:...} in inputs stands for (default: today)"
        )
    for command in words.values():
        command.add_argument("-v", "--verbose", action="store_true", help="show the traceback of an error")
    run = words["run"]
    run.add_argument("--fresh", action="store_true", help="do all the work again, whatever earlier runs have left")
    run.add_argument("--head", type=_count, metavar="N", help="show what the first N records would give; keep nothing")
    run.add_argument("--summary", metavar="FILE", help="write what the run did as JSON")
    run.add_argument("--log", choices=["text", "json"], default="text", help="how progress is written off a terminal")
    run.add_argument("--quiet", action="store_true", help="write nothing to standard error when all goes well")
    return top


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-22") from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (see `errors`). Standard output carries results only."""
    started = time.monotonic()
    args = parser().parse_args(argv, argparse.Namespace(started=started))
    try:
        if args.command in WITH_WORKERS:
            start_forkserver()
        command = importlib.import_module(f"pipeline.commands.{args.command}")
        return int(command.main(args))
    except BaseException as error:  # noqa: BLE001 - the last line of defence turns all into an exit code
        return report(cause_of(error), verbose=args.verbose)


def report(error: BaseException, *, verbose: bool) -> int:
    """Says on standard error what ended the command, without a traceback unless asked for; returns the exit code."""
    if isinstance(error, KeyboardInterrupt):  # before the loop took the signals over
        print("pipeline: stopped by SIGINT", file=sys.stderr)
        return 130
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, ConfigError):
        print(error, file=sys.stderr)
    elif isinstance(error, PipelineError):
        if error.exit_code:
            print(f"pipeline: {error}", file=sys.stderr)
    else:
        print(f"pipeline: a fault of pipeline itself: {type(error).__name__}: {error}", file=sys.stderr)
        if not verbose:
            print("  -v shows where it happened.", file=sys.stderr)
    return error.exit_code if isinstance(error, PipelineError) else 1
