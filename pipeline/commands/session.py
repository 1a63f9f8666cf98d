"""What `run`, `plan` and `check` share: a loaded config, workers on their way, an end in good order."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable

from pipeline.config import Config, load
from pipeline.engine.calls import Calls
from pipeline.engine.executors import Workers
from pipeline.engine.signals import Interrupted, run_interruptible
from pipeline.errors import PipelineError, cause_of


def worker_count(config: Config) -> int:
    """`run.workers`; `auto` is one for each core that this process may use."""
    if config.run.workers == "auto":
        return len(os.sched_getaffinity(0))
    return config.run.workers


def with_workers(args: argparse.Namespace, body: Callable[[Config, Calls], Awaitable[int]]) -> int:
    """Loads the config, runs `body` with workers, and returns its exit code; a signal's code if one ended it.

    Errors leave without what the environment kept secret.
    """
    config = load(args.config, overrides=args.overrides, environ=os.environ)

    async def main() -> int:
        async with Workers(worker_count(config)) as workers:
            return await body(config, Calls(workers))

    try:
        return run_interruptible(main())
    except Interrupted as signal:
        sys.stderr.write(f"pipeline: {signal}; each output is whole, the old one or the new one\n")
        return signal.exit_code
    except BaseExceptionGroup as group:
        raise redacted(config, cause_of(group)) from group
    except PipelineError as error:
        raise redacted(config, error) from error


def redacted(config: Config, error: BaseException) -> BaseException:
    """An error of ours with every secret as `***`; any other as it is."""
    if isinstance(error, PipelineError):
        error.message, error.hint = config.redact(error.message), config.redact(error.hint)
    return error
