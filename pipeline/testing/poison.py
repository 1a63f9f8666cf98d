"""Chunks that kill: a worker's task that ends it, each in its own way, for tests of what becomes of the run."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, cast

from pipeline.engine.calls import Calls
from pipeline.model import Job, Outcome, Task
from pipeline.worker.task import run_task as innocent


class Unpicklable(Exception):
    """An exception that breaks the pool which carries it: it cannot be made again from its arguments."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)
        self.lock = threading.Lock()


def _segfault() -> None:
    ctypes.string_at(0)


def _leave() -> None:
    os._exit(3)


def _out_of_memory() -> None:
    """As the kernel ends the largest."""
    os.kill(os.getpid(), signal.SIGKILL)


def _memory_error() -> None:
    raise MemoryError


def _for_ever() -> None:
    while True:
        pass


def _stop() -> None:
    """Not dead, and never going on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _abort() -> None:
    os.abort()


def _unpicklable() -> None:
    raise Unpicklable(reason="with a lock in it")


def _exit() -> None:
    sys.exit(5)


def _recursion() -> None:
    _recursion()


KINDS: Final[tuple[Callable[[], None], ...]] = (
    _segfault,
    _leave,
    _out_of_memory,
    _memory_error,
    _for_ever,
    _stop,
    _abort,
    _unpicklable,
    _exit,
    _recursion,
)
"""Of which some end the worker, two must be ended, and some raise what must not be let through."""


def poisoned(chunks: int) -> list[int]:
    """The numbers of the chunks that are poison, spread over so many."""
    return [(2 * at + 1) * chunks // (2 * len(KINDS)) for at in range(len(KINDS))]


def run_task(chunks: int, job: Job, task: Task, parts: str, scratch: str) -> Outcome:
    """As `worker.task.run_task`, unless the chunk is poison. In a worker."""
    numbers = poisoned(chunks)
    if task.number in numbers:
        KINDS[numbers.index(task.number)]()
    return innocent(job, task, parts, scratch)


class PoisonedCalls(Calls):
    """Calls of a run over one shard of `chunks` chunks, `poisoned(chunks)` of which kill."""

    chunks = 0

    async def run_task(self, job: Job, task: Task, parts: str, scratch: str, timeout_s: float) -> Outcome:
        call = self._call_once(
            "pipeline.testing.poison:run_task", self.chunks, job, task, parts, scratch, timeout_s=timeout_s
        )
        return cast("Outcome", await call)
