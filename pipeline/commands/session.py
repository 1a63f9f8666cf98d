"""What `run`, `plan` and `check` share: a loaded config, workers on their way, an end in good order."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from collections.abc import Awaitable, Callable
from tempfile import TemporaryDirectory
from typing import TypeVar

from pipeline.config import Config, FaultyConfig, load
from pipeline.engine.calls import Calls
from pipeline.engine.early import early_faults
from pipeline.engine.executors import Workers
from pipeline.engine.plan import planned, run_date
from pipeline.engine.signals import Interrupted, Stop, run_interruptible
from pipeline.errors import ConfigError, PipelineError, cause_of
from pipeline.fetch.patterns import is_url

T = TypeVar("T")


def worker_count(config: Config) -> int:
    """`run.workers`; `auto` is one for each core that this process may use."""
    if config.run.workers == "auto":
        return len(os.sched_getaffinity(0))
    return config.run.workers


def with_workers(
    args: argparse.Namespace, body: Callable[[Config, Calls, Stop], Awaitable[T]], *, at_most: int | None = None
) -> T:
    """Loads the config, runs `body` with workers (`at_most` so many), and returns what it returns. Raises
    Interrupted if a signal ended it.

    Errors leave without what the environment kept secret. Results are written by the caller, when the loop has ended:
    a reader of standard output who does not read would hold up the loop, and with it the signals.
    """
    try:
        config = load(args.config, overrides=args.overrides, environ=os.environ)
    except FaultyConfig as faulty:
        raise (faulty if faulty.rest is None else _all_complaints(faulty, faulty.rest, args.date)) from None
    return _redacting(config, body, min(worker_count(config), at_most or worker_count(config)))


def _all_complaints(faulty: FaultyConfig, rest: Config, date: dt.date | None) -> BaseException:
    """The complaints together with those that a worker has about the expressions."""

    async def body(config: Config, calls: Calls, _stop: Stop) -> None:
        if faults := await early_faults(config, run_date(date), calls):
            raise config.refused(faults)
        if any(map(is_url, config.inputs)):
            return  # who has misspelt a key should not have to wait for a server
        with TemporaryDirectory() as folder:
            async with planned(config, date, calls, folder, lambda _: None):
                pass

    try:
        _redacting(rest, body, 1)
    except (ConfigError, Interrupted) as more:
        return more
    except PipelineError:
        return faulty  # what stands in for what is broken leads nowhere
    return faulty


def _redacting(config: Config, body: Callable[[Config, Calls, Stop], Awaitable[T]], count: int) -> T:
    async def main(stop: Stop) -> T:
        async with Workers(count) as workers:
            return await body(config, Calls(workers), stop)

    try:
        return run_interruptible(main)
    except BaseExceptionGroup as group:
        raise redacted(config, cause_of(group)) from group
    except PipelineError as error:
        raise redacted(config, error) from error


def redacted(config: Config, error: BaseException) -> BaseException:
    """An error of ours with every secret as `***`; any other as it is."""
    if isinstance(error, PipelineError):
        error.message, error.hint = config.redact(error.message), config.redact(error.hint)
    return error
