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

from pipeline.console.streams import hold_streams, say, write_results
from pipeline.engine.forkserver import start_forkserver
from pipeline.errors import ConfigError, PipelineError, cause_of

COMMANDS = {
    "run": "run the job",
    "plan": "list what a run would do: inputs, sizes, chunks, memory; reads no data but for types to infer",
    "status": "show the runs of a job, and what is pending, given up or rejected",
    "reset": "forget the state of a job; its outputs stay",
    "check": "validate the config, its expressions included",
    "schema": "print the JSON Schema of config files, for editors",
}

WITH_WORKERS = ("run", "plan", "check")


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    top = _Parser(prog="pipeline", description="Many files in, one table out.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Command)
    words = {name: commands.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}
    for name in ("run", "plan", "check", "status", "reset"):
        words[name].add_argument("config", metavar="CONFIG", help="a YAML file; one file is one job")
        words[name].add_argument(
            "--set",
            dest="overrides",
            type=_override,
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help="use another value for one key, such as run.workers=4; the value is YAML; may be repeated",
        )
        nothing = "; accepted here, and means nothing" if name in ("status", "reset") else ""
        words[name].add_argument(
            "--date",
            type=_date,
            metavar="YYYY-MM-DD",
            help=f"what {{date:...}} in inputs stands for (default: today){nothing}",
        )
    for command in words.values():
        command.add_argument("-v", "--verbose", action="store_true", help="show the traceback of an error")
    words["status"].add_argument("--json", action="store_true", help="as one JSON object")
    run = words["run"]
    run.add_argument("--fresh", action="store_true", help="do all the work again, whatever earlier runs have left")
    run.add_argument(
        "--retry-failed", action="store_true", help="try chunks again that were left out (run.on_poison: skip)"
    )
    run.add_argument(
        "--wait",
        type=_duration,
        metavar="10m",
        default=0.0,
        help="wait so long for another run of this job to end; with its unit: 500ms, 30s, 10m, 1h",
    )
    run.add_argument("--head", type=_count, metavar="N", help="show what the first N records would give; keep nothing")
    run.add_argument("--summary", metavar="FILE", help="write what the run did as JSON")
    run.add_argument("--log", choices=["text", "json"], default="text", help="how progress is written off a terminal")
    run.add_argument("--quiet", action="store_true", help="write nothing to standard error when all goes well")
    return top


class _Parser(argparse.ArgumentParser):
    """As argparse's own, but what it says goes the way of everything else that is said."""

    def _print_message(self, message: str, file: object = None) -> None:
        if file is sys.stdout:
            write_results(message.splitlines())
        else:
            say(message, sys.stderr)


class _Command(_Parser):
    """That of one command: a word that it does not know is answered with its own usage, not with that of all."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # as argparse has it
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-22") from None


def _duration(text: str) -> float:
    from pipeline.config.quantities import DURATION_WORDS, parse_duration  # noqa: PLC0415 - most commands wait for nobody

    try:
        return parse_duration(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {DURATION_WORDS}") from None


def _override(text: str) -> str:
    if text.find("=") < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as run.workers=4")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (see `errors`). Standard output carries results only."""
    started = time.monotonic()
    hold_streams()
    verbose = False
    try:
        args = parser().parse_args(argv, argparse.Namespace(started=started))
        verbose = args.verbose
        if args.command in WITH_WORKERS:
            start_forkserver()
        command = importlib.import_module(f"pipeline.commands.{args.command}")
        return int(command.main(args))
    except BaseException as error:  # noqa: BLE001 - the last line of defence turns all into an exit code
        return report(cause_of(error), verbose=verbose)


def report(error: BaseException, *, verbose: bool) -> int:
    """Says on standard error what ended the command, without a traceback unless asked for; returns the exit code."""
    if isinstance(error, SystemExit):  # of the parser, which has said it all
        return int(error.code or 0)
    if isinstance(error, KeyboardInterrupt):  # before the loop took the signals over
        return 130
    text = "".join(traceback.format_exception(error)) if verbose else ""
    if isinstance(error, ConfigError):
        text += f"{error}\n"
    elif isinstance(error, PipelineError):
        text += f"pipeline: {error}\n" if error.exit_code else ""
    else:
        text += f"pipeline: a fault of pipeline itself: {type(error).__name__}: {error}\n"
        text += "" if verbose else "  -v shows where it happened.\n"
    say(text, sys.stderr)
    return error.exit_code if isinstance(error, PipelineError) else 1
