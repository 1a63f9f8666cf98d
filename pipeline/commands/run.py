"""`pipeline run`: the job, from its inputs to its outputs, and an account of it."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from pipeline.commands.head import show_head
from pipeline.commands.session import with_workers
from pipeline.config import Config
from pipeline.console.display import Log, display, fan_out
from pipeline.console.lines import Json
from pipeline.console.report import Report
from pipeline.console.streams import results_on_terminal, say
from pipeline.console.summary import summary
from pipeline.console.text import Preview, Rejects, left_out, show
from pipeline.engine.calls import Calls
from pipeline.engine.flow import Result, run
from pipeline.engine.plan import planned
from pipeline.engine.signals import Stop
from pipeline.engine.state import State, job_state
from pipeline.errors import OutputError, PipelineError, TooManyRejects, UsageError, cause_of
from pipeline.sink.atomic import is_special
from pipeline.worker.files import preview_path

LEFT_OUT = 3
"""Exit code: done, but shards were left out under a `skip` policy."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, for its summary."""

    code: int = 1
    error: str | None = None
    rejects: str | None = None
    """Path of the file of rejects."""


def main(args: argparse.Namespace) -> int:
    """Runs the job, or shows its head; returns 0, or 3 where something was left out."""
    if args.head:
        return show_head(args)
    _refuse_summary(args.summary, [args.config])
    report = Report(started=args.started)
    ended = Ended()
    try:
        result, preview = with_workers(args, functools.partial(_run, args, report))
        ended = Ended(_code(report), None, result.rejects)
    except PipelineError as error:
        ended = Ended(error.exit_code, str(error), error.path if isinstance(error, TooManyRejects) else None)
        raise
    finally:
        _tell_programs(args, report, ended)
    if args.log == "text":
        _tell_people(report, result, preview, quiet=args.quiet)
    return ended.code


async def _run(
    args: argparse.Namespace, report: Report, config: Config, calls: Calls, stop: Stop
) -> tuple[Result, Preview | None]:
    _refuse_summary(args.summary, [*config.inputs, *(sink.path for sink in config.sinks)])
    log: Log = "quiet" if args.quiet else args.log
    to_stdout = any(sink.path == "-" for sink in config.sinks)
    async with job_state(config.run.state, config.name, args.wait, fresh=args.fresh) as state:
        if args.retry_failed or config.run.on_poison == "fail":
            state.journal.forgive()
        with display(report, sys.stderr, log, results_shown=to_stdout and results_on_terminal()) as shown:
            emit = fan_out(report, shown)
            async with (
                _in_history(state, report, stop, config.redact),
                planned(
                    config,
                    args.date,
                    calls,
                    state.scratch,
                    emit,
                    journal=None if args.fresh else state.journal,
                    summary=args.summary,
                ) as plan,
            ):
                if args.fresh:  # not before there is a plan: a config that is wrong must not cost what was done
                    state.thread.submit(state.journal.forget).result()
                result = await run(plan, calls, state, emit, stop)
        return result, None if to_stdout else _preview(state.scratch, result)


def _code(report: Report) -> int:
    return 0 if report.whole else LEFT_OUT


@contextlib.asynccontextmanager
async def _in_history(state: State, report: Report, stop: Stop, redact: Callable[[str], str]) -> AsyncIterator[None]:
    """The run has a row in the journal: that it began, and how it ended. One that was killed has no end."""
    run = state.thread.submit(state.journal.begin_run).result()
    code, error = 1, None
    try:
        yield
        code = _code(report)
    except BaseException as ended:
        cause = cause_of(ended)
        if isinstance(cause, PipelineError):
            code, error = cause.exit_code, redact(str(cause))
        if stop.number is not None:
            code = 128 + stop.number
        raise
    finally:
        account = orjson.dumps(summary(report, code, error)).decode()
        with suppress(OutputError) if code else nullcontext():  # what ended the run says more
            state.thread.submit(state.journal.end_run, run, code, account).result()


def _refuse_summary(path: str | None, others: Sequence[str]) -> None:
    """Raises UsageError for a summary that would overwrite what it is about."""
    if path and not is_special(Path(path)) and os.path.realpath(path) in map(os.path.realpath, others):
        raise UsageError(f"--summary {path} would overwrite a file of this job", "Name another file.")


def _preview(folder: str, result: Result) -> Preview | None:
    path = preview_path(folder)
    return Preview.read(path, result.written[0].rows) if Path(path).exists() and result.written else None


def _tell_programs(args: argparse.Namespace, report: Report, ended: Ended) -> None:
    """The summary and the last of the JSON lines, whatever has ended the run: its signal, its error or its success."""
    account = summary(report, ended.code, ended.error, ended.rejects)
    if args.log == "json" and (ended.code or not args.quiet):
        say(Json().line("run_ended", **account) + "\n", sys.stderr)
    if args.summary and ended.code != UsageError.exit_code:  # which refuses its place
        with suppress(OutputError) if ended.error else nullcontext():  # the error that ended the run says more
            _write_summary(args.summary, account)


def _tell_people(report: Report, result: Result, preview: Preview | None, *, quiet: bool) -> None:
    rejects = Rejects.read(result.rejects, result.rejected, result.records) if result.rejects else None
    if not quiet:
        show(sys.stderr, report, preview, rejects)
    elif not report.whole:  # all did not go well
        say("".join(line + "\n" for line in left_out(report, rejects)), sys.stderr)


def _write_summary(path: str, document: object) -> None:
    """Under a temporary name first: who reads it never sees half of it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        Path(temporary).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise OutputError(f"{path}: the summary cannot be written: {error.strerror}") from error
