"""A file in memory that a worker opens by path: how bytes get from the parent to a worker.

Measured on two cores, parent's write to worker's answer, median of 31, 16 MiB / 1 MiB: pipe of the pool 28 / 1.3 ms,
multiprocessing.shared_memory 32 / 1.6 ms, memfd 17 / 1.1 ms, a file in /dev/shm 17 / 1.0 ms, a file on disk 11 /
0.8 ms (of a page cache that has yet to be written out). memfd it is: next to the fastest, and the kernel takes it
back with the process that made it, so there is nothing to sweep after a kill -9.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

_PIECES_A_WRITE: Final = min(os.sysconf("SC_IOV_MAX"), 1024)


class MemoryFile:
    """Lives until it is closed. Its path is good for any process of the same user while the parent lives."""

    def __init__(self) -> None:
        self._fd = os.memfd_create("pipeline", os.MFD_CLOEXEC)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def __repr__(self) -> str:
        return f"<MemoryFile {self.path}{' [closed]' if self._fd < 0 else ''}>"

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Appends all of them. Raises OSError (ENOMEM where memory runs out)."""
        rest: list[bytes | memoryview] = [piece for piece in pieces if len(piece)]
        while rest:
            written = os.writev(self._fd, rest[:_PIECES_A_WRITE])
            while rest and written >= len(rest[0]):
                written -= len(rest.pop(0))
            if written:
                rest[0] = memoryview(rest[0])[written:]

    def close(self) -> None:
        """Gives the memory back. May be called again. A worker that has it open can still read it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
