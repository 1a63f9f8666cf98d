"""Pours a file into a pipe, a device or a terminal, and can be stopped while the other end does not read."""

from __future__ import annotations

import errno
import os
import select
import stat
import threading

_BLOCK_BYTES = 1 << 20

_PATIENCE_S = 0.1
"""How long a stop may take to be noticed."""


class Stopped(Exception):
    """The pouring was told to stop before its end."""


def pour(path: str, descriptor: int, stop: threading.Event) -> None:
    """Copies the whole file at `path` to an open descriptor. Raises OSError, and Stopped once `stop` is set.

    A descriptor that is ready takes PIPE_BUF bytes without blocking, and that is what it is given: a larger write to a
    pipe nobody reads would hold the thread for ever, and O_NONBLOCK would change the pipe for every program that
    shares it. This costs 2 system calls for 4 KiB, about 1.5 s a gigabyte. A regular file does not block, and
    gets large writes.
    """
    at_once = _BLOCK_BYTES if stat.S_ISREG(os.fstat(descriptor).st_mode) else select.PIPE_BUF
    ready = select.poll()
    ready.register(descriptor, select.POLLOUT)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            left = memoryview(block)
            while left:
                if stop.is_set():
                    raise Stopped
                if ready.poll(_PATIENCE_S * 1000):
                    left = left[os.write(descriptor, left[:at_once]) :]


def open_special(path: str, stop: threading.Event) -> int:
    """Opens a device or FIFO for writing; for a FIFO that means waiting for a reader. Raises OSError, Stopped."""
    while not stop.is_set():
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(path).st_mode):  # noqa: PTH116
                raise
            stop.wait(_PATIENCE_S)
        else:
            os.set_blocking(descriptor, True)
            return descriptor
    raise Stopped
