"""The state of one job below `run.state`: locked, swept of what a killed run has left, its journal open."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pipeline.engine.lock import locked
from pipeline.engine.run_folder import make_private, run_folder, sweep
from pipeline.errors import OutputError
from pipeline.journal import Journal
from pipeline.journal.schema import PARTS
from pipeline.sink.atomic import Disk, output_errors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """What one run has of its job's state."""

    journal: Journal
    parts: Path
    """The folder of what outlives the run: partials, segments, rejects."""
    scratch: str
    """The folder of what does not."""
    thread: ThreadPoolExecutor
    """The one that the journal is written in."""
    disk: Disk = field(default_factory=Disk)
    """What makes `parts` durable."""

    async def ask(self, call: Callable[..., T], *args: object) -> T:
        """One call of the journal, in its thread. Cancelled: it may be made all the same."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, call, *args)

    @property
    def run(self) -> str:
        """The name of the run: no two of a machine have the same."""
        return Path(self.scratch).name

    @property
    def part_start(self) -> str:
        """What the paths of all files in `parts` that this run makes begin with."""
        return f"{self.parts}/{self.run}-"


def journal_path(state: str, job: str) -> Path:
    """Where the journal of a job is, or would be."""
    return Path(state, job, "journal.sqlite")


@contextlib.asynccontextmanager
async def job_state(state: str, job: str, wait_s: float, *, fresh: bool = False) -> AsyncIterator[State]:
    """Everything is 0700 or 0600. Raises Busy and OutputError; if `fresh`, a journal that cannot be read is no error:
    an empty one takes its place. Leaving it ends the run's hold on it; what the run has journaled stays."""
    home = Path(state, job)
    make_private(home / PARTS)
    _check_owner(home)
    async with locked(home / "lock", wait_s):
        make_private(home / PARTS)  # `reset` may have been there while this run waited
        journal = _opened(journal_path(state, job).absolute(), fresh=fresh)
        with ThreadPoolExecutor(1, thread_name_prefix="journal") as thread:
            try:
                sweep(home)
                sweep_parts(journal, home / PARTS)
                with run_folder(state, job) as scratch:
                    yield State(journal, (home / PARTS).absolute(), scratch, thread)
            finally:
                thread.submit(journal.close).result()


def _opened(path: Path, *, fresh: bool) -> Journal:
    try:
        return Journal(str(path))
    except OutputError:
        if not fresh:
            raise
        for file in path.parent.glob(f"{path.name}*"):
            with output_errors(str(file), "run.state"):
                file.unlink()
        return Journal(str(path))


def sweep_parts(journal: Journal, folder: Path) -> None:
    """Removes the files that the journal does not speak of, and has it forget what was made of files that are gone. No
    run is at work but the one that calls."""
    known = journal.files()
    with os.scandir(folder) as entries:
        there = {entry.name for entry in entries}
    for name in there - known:
        with contextlib.suppress(OSError):
            os.unlink(folder / name)  # noqa: PTH108 - by the thousand
    if missing := known - there:
        journal.void_missing(missing)


def _check_owner(home: Path) -> None:
    found = home.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise OutputError(
            f"{home}: belongs to another user, or others may write there", "What is in it decides results: mend that."
        )
