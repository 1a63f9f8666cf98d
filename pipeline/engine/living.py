"""Folders that are locked for as long as their process lives: so a later one knows which of them nobody uses any more.

The lock is flock on the folder itself. The kernel lets go of it when the process dies, however it dies; no child that
is started by exec keeps it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def living_folder(make: Callable[[], Path]) -> tuple[Path, int]:
    """A folder that `make` has just made, and the descriptor that holds its lock until it is closed. A sweep may take a
    folder in the moment before it is locked: then another is made. Raises OSError, and what `make` raises."""
    while True:
        folder = make()
        try:
            lock = _opened(folder)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)


def sweep_dead(folder: Path, first: Callable[[], None] = lambda: None) -> None:
    """Removes the folder if nobody holds its lock, after `first`, which removes what else its process has left."""
    with contextlib.suppress(OSError):  # alive, or gone by now
        lock = _opened(folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            first()
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
