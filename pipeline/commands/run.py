"""`pipeline run`: the job, from its inputs to its outputs, and an account of it."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import orjson

from pipeline.commands.head import show_head
from pipeline.commands.session import with_workers
from pipeline.config import Config
from pipeline.console.display import Log, display, fan_out
from pipeline.console.lines import Json
from pipeline.console.report import Report
from pipeline.console.summary import summary
from pipeline.console.text import Preview, Rejects, left_out, show
from pipeline.engine.calls import Calls
from pipeline.engine.flow import Result, run
from pipeline.engine.plan import planned
from pipeline.engine.run_folder import run_folder
from pipeline.errors import OutputError, PipelineError, cause_of
from pipeline.worker.files import preview_path

LEFT_OUT = 3
"""Exit code: done, but shards were left out under a `skip` policy."""


def main(args: argparse.Namespace) -> int:
    """Runs the job, or shows its head; returns 0, or 3 where something was left out."""
    if args.head:
        return with_workers(args, lambda config, calls: show_head(config, calls, args))

    async def body(config: Config, calls: Calls) -> int:
        return await _run(config, calls, args, Report(started=args.started))

    return with_workers(args, body)


async def _run(config: Config, calls: Calls, args: argparse.Namespace, report: Report) -> int:
    result: Result | None = None
    error: PipelineError | None = None
    with run_folder(config.run.state, config.name) as folder:
        try:
            log: Log = "quiet" if args.quiet else args.log
            to_terminal = any(sink.path == "-" for sink in config.sinks) and sys.stdout.isatty()
            with display(report, sys.stderr, log, results_shown=to_terminal) as shown:
                emit = fan_out(report, shown)
                async with planned(config, args.date, calls, folder, emit) as plan:
                    result = await run(plan, calls, folder, emit)
        except BaseException as ended:
            cause = cause_of(ended)
            error = cause if isinstance(cause, PipelineError) else None
            raise
        finally:
            code = _exit_code(result, error, report)
            text = config.redact(str(error)) if error else None
            account = summary(report, code, text, result.rejects if result else None)
            if args.summary:
                with suppress(OutputError) if error else nullcontext():  # the error that ended the run says more
                    _write_summary(args.summary, account)
            if args.log == "json" and not args.quiet:
                sys.stderr.write(Json().line("run_ended", **account) + "\n")
        if args.log == "text":
            _show(report, result, folder, quiet=args.quiet)
    return code


def _exit_code(result: Result | None, error: PipelineError | None, report: Report) -> int:
    if result is None:
        return error.exit_code if error else 1
    return LEFT_OUT if report.skipped else 0


def _show(report: Report, result: Result, folder: str, *, quiet: bool) -> None:
    rejects = Rejects.read(result.rejects, report.totals().rejected) if result.rejects else None
    if quiet:
        if report.skipped:  # all did not go well
            sys.stderr.writelines(line + "\n" for line in left_out(report, rejects))
        return
    to_stdout = any(written.path == "-" for written in result.written)
    path = preview_path(folder)
    preview = Preview.read(path, result.written[0].rows) if Path(path).exists() and not to_stdout else None
    show(sys.stderr, report, preview, rejects)


def _write_summary(path: str, document: object) -> None:
    """Under a temporary name first: who reads it never sees half of it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        Path(temporary).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise OutputError(f"{path}: the summary cannot be written: {error.strerror}") from error
