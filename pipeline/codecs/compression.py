"""Inflates a compressed body as it streams by, a bounded piece of output at a time.

gzip (ISA-L), bzip2, xz and zstd bodies are members (streams, frames) one after the other; each checks itself: gzip by
CRC and length, bzip2 by CRC, xz by its own checks, zstd where the writer asked for it. A body that ends inside a
member, is damaged, or goes on with something that is no member is CorruptInput, never silence. What was inflated
before the call that met the damage has been given out by then.
"""

from __future__ import annotations

import bz2
import lzma
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from isal import igzip_lib

from pipeline.errors import CorruptInput

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OUTPUT_BYTES: Final = 1 << 18
"""Inflated at a time: large enough that the calls do not count, small enough for a cache and for a bomb, and for every
open stream to keep one while it waits."""

STEP_BYTES: Final = 4 << 20
"""Inflated in one turn of a thread, and a piece more: 10 ms of gzip, 150 ms of bzip2. A cancellation waits as long."""

INPUT_BYTES: Final = 1 << 16
"""Stored bytes handed to a decompressor at a time. Each member's end copies what it left of them, which makes bgzip,
with a member every few kilobytes, slow if this is large."""

XZ_MEMORY_BYTES: Final = 256 << 20
"""`xz -9` wants 65 MiB to inflate; a header that claims more than this is hostile."""


class _Decompressor(Protocol):
    """What the four libraries agree on."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    member: Callable[[], _Decompressor]
    errors: tuple[type[Exception], ...]
    padding: int = 0
    """Zero bytes may follow a member in multiples of this; 0: none may."""


_ISAL_ERROR: Final[type[Exception]] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub says: an instance

_KINDS: Final = {
    # gzip -d takes any number of zeros after the last member: tapes and block devices leave them.
    "gzip": _Kind(lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), (_ISAL_ERROR,), padding=1),
    "bzip2": _Kind(bz2.BZ2Decompressor, (OSError, ValueError)),
    "xz": _Kind(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES), (lzma.LZMAError,), padding=4),
    "zstd": _Kind(zstd.ZstdDecompressor, (zstd.ZstdError,)),
}


class Inflater:
    """One body. `feed` it, `read` until it gives nothing, feed again; at the end of the body `finish` it."""

    def __init__(self, compression: str) -> None:
        self._name = compression
        self._kind = _KINDS[compression]
        self._member: _Decompressor | None = None
        self._member_start = 0
        self._members = 0
        self._padding = 0
        self._data = b""
        self._at = 0  # in _data
        self._data_start = 0  # of _data in the body

    def feed(self, data: bytes) -> None:
        """Takes the next stored bytes. All earlier ones must have been read."""
        assert self._at == len(self._data), "read until nothing comes before feeding again"
        self._data_start += len(self._data)
        self._data, self._at = data, 0

    def read(self, max_length: int = OUTPUT_BYTES) -> bytes:
        """The next inflated bytes, or nothing: feed more. Raises CorruptInput."""
        while True:
            if self._member is None and not self._begin_member():
                return b""
            member = self._member
            assert member is not None
            if member.needs_input and self._at == len(self._data):
                return b""
            piece = self._data[self._at : self._at + INPUT_BYTES] if member.needs_input else b""
            self._at += len(piece)
            try:
                out = member.decompress(piece, max_length)
            except self._kind.errors as error:
                raise self._damaged(str(error)) from error
            if member.eof:
                self._at -= len(member.unused_data)
                self._member = None
            if out:
                return out

    def finish(self) -> None:
        """The body is over. Raises CorruptInput if it should not be."""
        at = self._data_start + self._at
        if self._member is not None:
            raise CorruptInput(
                f"the {self._name} data is cut: it ends at byte {at:,}, inside what starts at byte"
                f" {self._member_start:,}"
            )
        if not self._members:
            raise CorruptInput(f"the {self._name} data is cut: it ends at byte {at:,}, before it began")
        self._check_padding(at)

    def _begin_member(self) -> bool:
        """Starts the next member where there is one, past any padding."""
        if self._members and self._kind.padding:
            rest = self._data[self._at : self._at + INPUT_BYTES]
            while rest and (zeros := len(rest) - len(rest.lstrip(b"\0"))):
                self._at += zeros
                self._padding += zeros
                rest = self._data[self._at : self._at + INPUT_BYTES]
        if self._at == len(self._data):
            return False
        self._member_start = self._data_start + self._at
        self._check_padding(self._member_start)
        self._member = self._kind.member()
        self._members += 1
        return True

    def _check_padding(self, at: int) -> None:
        if self._kind.padding and self._padding % self._kind.padding:
            raise CorruptInput(f"the {self._name} data has {self._padding} bytes of padding before byte {at:,}")
        self._padding = 0

    def _damaged(self, reason: str) -> CorruptInput:
        stop = self._data_start + self._at
        what = "is damaged" if self._members == 1 else "is damaged, or followed by something else"
        return CorruptInput(
            f"the {self._name} data {what}: {reason}, between bytes {self._member_start:,} and {stop:,}"
        )


class Stored:
    """A body that is not compressed, with the same three calls."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        data, self._data = self._data, b""
        return data

    def finish(self) -> None:
        """Any end is as good as another."""


def inflater(compression: str) -> Inflater | Stored:
    """For none, gzip, bzip2, xz or zstd."""
    return Stored() if compression == "none" else Inflater(compression)
