"""Stops a part at any step that changes the world: the fakes behind the contract suites of what writes files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from pipeline.sink.atomic import Disk, output_errors

Step = Callable[[str], None]
"""Told before each step that changes what a reader or a later run finds; may raise, as a disk or a crash would."""

LAWS = settings(
    max_examples=25,
    deadline=None,  # a shared machine may pause at any point
    suppress_health_check=[HealthCheck.differing_executors],  # the suites are inherited, that is their purpose
)


class StepDisk(Disk):
    """A disk that tells of each call before it makes it."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def sync_file(self, path: Path) -> None:
        self._step(f"sync file {path.name}")
        super().sync_file(path)

    def sync_folder(self, path: Path) -> None:
        self._step(f"sync folder {path.name}")
        super().sync_folder(path)

    def rename(self, source: Path, target: Path) -> None:
        self._step(f"rename {source.name} to {target.name}")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        if path.exists():
            self._step(f"remove {path.name}")
        super().remove(path)


class Crash(BaseException):
    """Stands for kill -9: from the step it is raised at, nothing reaches the disk any more."""


class Steps:
    """Counts steps, and at number `at` does what it is told; `for_ever`: at every later one as well."""

    def __init__(self, at: int | None = None, act: Step | None = None, *, for_ever: bool = False) -> None:
        self.names: list[str] = []
        self._at = at
        self._act = act
        self._for_ever = for_ever

    def __call__(self, name: str) -> None:
        number = len(self.names)
        self.names.append(name)
        if self._act and self._at is not None and (number == self._at or (self._for_ever and number > self._at)):
            self._act(name)


def crash(name: str) -> None:
    raise Crash(name)


def fault(name: str) -> None:
    raise OSError(5, "Input/output error", name)


def cancel(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> None:
    """Cancels the task; from another thread, returns only once the task has been told."""
    if threading.current_thread() is threading.main_thread():
        task.cancel()
        return
    told = threading.Event()

    def tell() -> None:
        task.cancel()
        loop.call_soon(loop.call_soon, told.set)

    loop.call_soon_threadsafe(tell)
    assert told.wait(10)


def concatenating_join(step: Step) -> Callable[[Sequence[str], str], Awaitable[None]]:
    """A join for sinks under test: the bytes of the segments, one after the other; tells `step` before it writes."""

    async def join(segments: Sequence[str], path: str) -> None:
        with output_errors(path):
            step(f"join {Path(path).name}")
            await asyncio.sleep(0)  # where a cancellation arrives: before a byte is written
            _concatenate(segments, path)

    return join


def _concatenate(segments: Sequence[str], path: str) -> None:
    Path(path).write_bytes(b"".join(Path(segment).read_bytes() for segment in segments))
