"""The place of an output file: tried out and locked before any work, filled under a hidden name, shown at the end.

take     make folders, lock, clear what a killed run left, sign the lock, fsync it
sync     fsync of the temporary file
show     rename, fsync of the folder
leave    the temporary file and the lock go
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from pipeline.errors import Busy, OutputError
from pipeline.protocols import FileStamp
from pipeline.sink.atomic import Disk, hidden_name, output_errors, show, sync_or_remove, target_of
from pipeline.sink.lock import Held, Lock, Owner


class Place:
    """Everything blocks: call it in a thread, one call at a time. A symlink is followed: what it points to is
    replaced."""

    def __init__(self, path: str, *, job: str, run: str, disk: Disk) -> None:
        """`run` is distinct for every run, and a part of the temporary file's name."""
        self.path = path
        self.target = target_of(path)
        self.temporary = hidden_name(self.target, f"{run}.tmp")
        self._owner = Owner(os.getpid(), job, run)
        self._lock = Lock(hidden_name(self.target, "pipeline.lock"))
        self._disk = disk

    def take(self) -> None:
        """Finds out whether a file can be written here, by writing and syncing the lock. Makes the folders above, and
        removes the temporary file of the run that died with this lock. Raises OutputError, and Busy while another run
        is at this output."""
        self._refuse_folder()
        with output_errors(self.path):
            _make_folders(self.target.parent, self._disk)
            try:
                dead = self._lock.take()
            except Held as held:
                raise self._busy(held.owner) from None
            if dead is not None:
                self._disk.remove(hidden_name(self.target, f"{dead.run}.tmp"))
            self._lock.sign(self._owner)
            self._disk.sync_file(self._lock.path)  # a full disk may say so only now

    def sync(self) -> FileStamp:
        """Makes the filled temporary file durable; returns what it is, and will be under its own name. Raises
        OutputError."""
        self._refuse_folder()
        with output_errors(self.path):
            found = self.temporary.stat()
            sync_or_remove(self.temporary, self._disk)
            return FileStamp(found.st_size, found.st_mtime_ns, found.st_ino)

    def show(self) -> None:
        """Raises OutputError."""
        with output_errors(self.path):
            show(self.temporary, self.target, self._disk)

    def remove(self) -> None:
        """Removes the output itself, durably. Raises OutputError."""
        with output_errors(self.path):
            self._disk.remove(self.target)
            self._disk.sync_folder(self.target.parent)

    def leave(self) -> None:
        """Removes the temporary file, if there is one, and frees the lock. Safe at any time. Where the file cannot be
        removed the lock file stays as well, so that the next run knows of it."""
        if not self._lock.taken:
            return
        try:
            with contextlib.suppress(OSError):  # the error that led here says more
                self._disk.remove(self.temporary)
                self._disk.remove(self._lock.path)
        finally:
            self._lock.let_go()

    def _refuse_folder(self) -> None:
        if self.target.is_dir() or self.path.endswith("/"):
            raise OutputError(f"{self.path}: the output is a folder", "Name a file in `sink`.")

    def _busy(self, owner: Owner | None) -> Exception:
        if owner == self._owner:
            return OutputError(f"{self.path}: two sinks of this job write this file", "Name another file in `sink`.")
        who = f"job {owner.job}, process {owner.pid}" if owner else "it has only just begun"
        return Busy(
            f"{self.path}: another run is writing this file ({who})",
            "Run again when it has ended, or name another file in `sink`.",
        )


def _make_folders(folder: Path, disk: Disk) -> None:
    """Makes the folder and those above, each new name made durable in the folder that holds it."""
    if folder.is_dir():
        return
    if not folder.parent.exists():
        _make_folders(folder.parent, disk)
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    disk.sync_folder(folder.parent)
