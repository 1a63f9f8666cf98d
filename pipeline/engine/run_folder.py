"""The scratch folder of one run below the state of its job: spools, buckets, what is on its way. Gone at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.engine.living import living_folder, sweep_dead
from pipeline.errors import OutputError
from pipeline.sink.atomic import Disk

_START = "run-"


@contextlib.contextmanager
def run_folder(state: str, job: str) -> Iterator[str]:
    """Makes `state/job/run-...` and removes it at the end, whatever happens, with the folders above it that were made
    for it and are empty. All are 0700: what is in them may be private.

    While it is in use it is locked, which is how `sweep` knows. Raises OutputError where it cannot be made.
    """
    made: list[Path] = []

    def make() -> Path:
        folder = Path(state, job, f"{_START}{os.getpid()}-{secrets.token_hex(4)}")
        made[:] = [*made[:-1], *make_private(folder)]
        return folder

    folder, lock = living_folder(make)
    try:
        yield str(folder.absolute())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        with contextlib.suppress(OSError):  # they have become the home of something
            for above in reversed(made[:-1]):
                above.rmdir()


def make_private(folder: Path, disk: Disk | None = None) -> list[Path]:
    """Makes the folder, 0700, and those above it that are missing, each name durable in the folder that holds it;
    returns what was made, topmost first. Raises OutputError."""
    disk = disk or Disk()
    made: list[Path] = []
    try:
        for level in (*reversed(folder.parents), folder):
            if not level.exists():
                level.mkdir(mode=0o700, exist_ok=True)
                made.append(level)
                disk.sync_folder(level.parent)  # else a power cut takes all that was synced below it
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder of the run cannot be made: {error.strerror}", "run.state says where it goes."
        ) from error
    return made


def sweep(home: Path) -> None:
    """Removes the folders of runs that were killed: those that nobody holds a lock on."""
    for folder in home.glob(f"{_START}*"):
        sweep_dead(folder)
