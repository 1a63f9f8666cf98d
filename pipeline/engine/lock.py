"""One run of a job at a time: a lock that is free the instant its owner dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson

from pipeline.engine.run_folder import make_private
from pipeline.errors import Busy
from pipeline.sink.atomic import output_errors
from pipeline.sink.lock import is_at

_LOOK_S = 0.1
"""Between two looks at a lock that is waited for."""


@contextlib.asynccontextmanager
async def locked(path: Path, wait_s: float) -> AsyncIterator[None]:
    """Holds the lock on the file at `path`, which stays. Raises Busy, naming the owner, if another process has it for
    longer than `wait_s`, and OutputError where there can be no lock. Cancelled: not held.

    A POSIX lock: the kernel drops it with its process, and no child inherits it. It would be dropped as well if this
    process opened and closed the file once more: nothing else here opens it.
    """
    until = time.monotonic() + wait_s
    descriptor = _opened(path)
    try:
        while not ((taken := _taken(path, descriptor)) and is_at(path, descriptor)):
            if not taken and time.monotonic() >= until:
                raise Busy(f"another run of this job is at work: {_owner(descriptor)}", _ADVICE)
            await asyncio.sleep(0 if taken else _LOOK_S)
            if not is_at(path, descriptor):  # `reset` has removed it, and the next run may have made another
                os.close(descriptor)
                descriptor = _opened(path)
        who = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with output_errors(str(path), "run.state"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, orjson.dumps(who), 0)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> str | None:
    """Who has the lock, for people; None where nobody has. Asks and takes nothing: no run is held up by it. Not for the
    process that has it, which would lose it. Raises OutputError."""
    with output_errors(str(path), "run.state"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, *_ = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
            return None if kind == fcntl.F_UNLCK else _owner(descriptor)
        finally:
            os.close(descriptor)


_FLOCK = struct.Struct("@hhqqi4x")
"""`struct flock` of the system: type, whence, start, length, process."""

_ADVICE = "--wait 10m waits for its end."


def _opened(path: Path) -> int:
    make_private(path.parent)
    with output_errors(str(path), "run.state"):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _taken(path: Path, descriptor: int) -> bool:
    with output_errors(str(path), "run.state"):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            return False
    return True


def _owner(descriptor: int) -> str:
    try:
        who = orjson.loads(os.pread(descriptor, 4096, 0))
        return f"process {who['pid']} on {who['host']}, since {who['since']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):  # it has the lock, and has not written yet
        return "it has only just begun"
