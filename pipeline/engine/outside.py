"""What workers need outside the state, a socket and semaphores: named so that the next start sweeps them after kill -9.

The standard library gives both random names and removes them at its end, which a killed process does not have. Here
they bear the name of a folder that is locked for as long as its process lives: `$TMPDIR/pipeline-<uid>/<random>`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from pipeline.engine.living import living_folder, sweep_dead

_SEMAPHORES = Path("/dev/shm")  # noqa: S108 - where Linux has them


def settle_outside() -> None:
    """Sweeps what dead processes of this user have left, and gives this one its folder; to be called before the first
    worker or server. May be called again."""
    # Private, and the same from Python 3.8 on; test_a_killed_group_leaves_nothing_outside_the_state fails where it is
    # not.
    config: dict[str, Any] = getattr(multiprocessing.current_process(), "_config")  # noqa: B009
    if "tempdir" in config:
        return
    home = Path(tempfile.gettempdir(), f"pipeline-{os.geteuid()}")
    home.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(home):  # somebody else was there first: then it goes as the standard library has it
        return
    for folder in home.iterdir():
        _sweep(folder)
    folder, lock = living_folder(lambda: Path(tempfile.mkdtemp(prefix="", dir=home)))
    atexit.register(_leave, folder, lock)
    config["tempdir"], config["semprefix"] = str(folder), f"/{_prefix(folder)}"


def _is_private(home: Path) -> bool:
    found = home.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _prefix(folder: Path) -> str:
    return f"pipeline-{folder.name}"


def _sweep(folder: Path) -> None:
    def semaphores() -> None:
        for semaphore in _SEMAPHORES.glob(f"sem.{_prefix(folder)}-*"):
            semaphore.unlink(missing_ok=True)

    sweep_dead(folder, semaphores)


def _leave(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
