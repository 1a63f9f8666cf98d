"""The lock of an output: one run at a time writes it, whatever job it is of.

A file beside the output, `.result.csv.pipeline.lock`, held with flock. The kernel lets go of it when the process dies,
however it dies, so a lock is never stale; only the file may be, and then it names the dead run, whose temporary file is
to be removed. It is a file of its own, not the temporary one: what it says of its owner must stay legible while a
worker fills the other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

import orjson

_BLOCK_BYTES = 4096
"""The size of the file: a whole block, so that a full disk says so now."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who writes an output."""

    pid: int
    job: str
    run: str
    """Distinct for every run: a part of the temporary file's name."""


class Held(Exception):
    """Somebody else has the lock; `owner` is None in the moment before he has signed."""

    def __init__(self, owner: Owner | None) -> None:
        super().__init__(owner)
        self.owner = owner


class Lock:
    """A lock file, held or not. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> Owner | None:
        """Takes the lock, and returns the dead owner whose file was there. Raises Held, OSError."""
        dead: Owner | None = None
        while True:
            descriptor, ours = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not is_at(self.path, descriptor):  # its owner has removed it since it was opened here
                    continue
                dead = _read(descriptor) or dead
                if ours:
                    self._descriptor = descriptor
                    return dead
                self.path.unlink()  # of another user, and dead: one's own takes its place
            except BlockingIOError:
                raise Held(_read(descriptor)) from None
            finally:
                if self._descriptor != descriptor:
                    os.close(descriptor)

    def _open(self) -> tuple[int, bool]:
        """The lock file, made if need be, and whether it may be written. One of another user may only be read, which
        is enough to learn that he is alive."""
        flags = os.O_NOFOLLOW | os.O_CLOEXEC  # a worker must not keep it
        try:
            return os.open(self.path, flags | os.O_RDWR | os.O_CREAT, 0o666), True
        except PermissionError:
            if not self.path.exists():
                raise
            return os.open(self.path, flags | os.O_RDONLY), False

    def sign(self, owner: Owner) -> None:
        """Says who holds it. Raises OSError."""
        assert self._descriptor is not None, "signed before taken"
        fields = {"pid": owner.pid, "job": owner.job, "run": owner.run}
        os.ftruncate(self._descriptor, 0)
        block = orjson.dumps(fields).ljust(_BLOCK_BYTES - 1) + b"\n"
        if os.pwrite(self._descriptor, block, 0) < len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @property
    def taken(self) -> bool:
        return self._descriptor is not None

    def let_go(self) -> None:
        """Frees the lock; the file stays unless it was removed before. May be called again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the path still names the open file: a lock on one that was removed keeps nobody out. Raises OSError."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> Owner | None:
    try:
        fields = orjson.loads(os.pread(descriptor, _BLOCK_BYTES * 2, 0))
        owner = Owner(int(fields["pid"]), str(fields["job"]), str(fields["run"]))
    except (ValueError, KeyError, TypeError):
        return None
    return owner if re.fullmatch(r"[\w.-]+", owner.run) else None
