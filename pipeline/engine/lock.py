"""One run of a job at a time: a lock that is free the instant its owner dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson

from pipeline.errors import Busy, OutputError

_LOOK_S = 0.1
"""Between two looks at a lock that is waited for."""


@contextlib.asynccontextmanager
async def locked(path: Path, wait_s: float) -> AsyncIterator[None]:
    """Holds the lock on the file at `path`, which stays. Raises Busy, naming the owner, if another process has it for
    longer than `wait_s`. Cancelled: not held.

    A POSIX lock: the kernel drops it with its process, and no child inherits it. It would be dropped as well if this
    process opened and closed the file once more: nothing else here opens it.
    """
    descriptor = _opened(path)
    try:
        until = time.monotonic() + wait_s
        while not _taken(descriptor):
            if time.monotonic() >= until:
                raise Busy(f"another run of this job is at work: {_owner(descriptor)}", _ADVICE)
            await asyncio.sleep(_LOOK_S)
        os.ftruncate(descriptor, 0)
        who = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        os.pwrite(descriptor, orjson.dumps(who), 0)
        yield
    finally:
        os.close(descriptor)


_ADVICE = "--wait 10m waits for its end."


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OutputError(
            f"{path}: the lock of the job cannot be opened: {error.strerror}", "run.state says where it is."
        ) from error


def _taken(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def _owner(descriptor: int) -> str:
    try:
        who = orjson.loads(os.pread(descriptor, 4096, 0))
        return f"process {who['pid']} on {who['host']}, since {who['since']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):  # it has the lock, and has not written yet
        return "it has only just begun"
