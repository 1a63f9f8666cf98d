"""Lays files and short pieces of bytes one after the other, inside the kernel."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import IO

_BLOCK_BYTES = 1 << 20

_REFUSALS = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""What copy_file_range says where this kernel or pair of file systems cannot do it."""


def concatenate(pieces: Iterable[bytes | str], path: str) -> None:
    """Writes the pieces to `path`: bytes as they are, a string is the path of a file to copy.

    Bytes of files do not pass through this program's memory (copy_file_range, which some file systems do by sharing
    blocks); where the kernel refuses they are copied 1 MiB at a time. Raises OSError.
    """
    with open(path, "wb", buffering=0) as output:
        for piece in pieces:
            if isinstance(piece, str):
                with open(piece, "rb", buffering=0) as source:
                    _copy(source, output)
            else:
                _write(output, piece)


def _copy(source: IO[bytes], output: IO[bytes]) -> None:
    left = os.fstat(source.fileno()).st_size
    try:
        while left > 0 and (copied := os.copy_file_range(source.fileno(), output.fileno(), min(left, 1 << 30))):
            left -= copied
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        copy_plainly(source, output)
        return
    if left > 0:
        raise OSError(errno.EIO, f"{source.name} became shorter while it was copied")


def copy_plainly(source: IO[bytes], output: IO[bytes]) -> None:
    """Reads and writes to the end of the source. A disk that becomes full takes a part of a block and says so only to
    the next write: shutil.copyfileobj, which does not look, would lose the rest without a word."""
    while block := source.read(_BLOCK_BYTES):
        _write(output, block)


def _write(output: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[output.write(view) :]
