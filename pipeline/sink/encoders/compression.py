"""Compression of text output: gzip or zstd, each piece a member or frame of its own.

Members and frames may be laid one after the other (RFC 1952 2.2, RFC 8878 3), which is what makes a join a
concatenation. gzip is written by ISA-L, 15 times as fast as zlib at its usual level; neither writes a name or a time,
so equal bytes give equal files.
"""

from __future__ import annotations

import sys
from typing import IO, Protocol

from isal import isal_zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSIONS = ("none", "gzip", "zstd")

_GZIP_LEVEL = 2
_GZIP_WINDOW = 31  # 15 bits, with the gzip frame
_ZSTD_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
}


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _compressor(compression: str) -> _Compressor:
    match compression:
        case "none":
            return _Plain()
        case "gzip":
            compressor: _Compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)
            return compressor
        case "zstd":
            return zstd.ZstdCompressor(options=_ZSTD_OPTIONS)
    raise ValueError(f"{compression}: not one of {', '.join(COMPRESSIONS)}")


class Member:
    """Writes one member to a file. Nothing written: nothing in the file, not even an empty member."""

    def __init__(self, file: IO[bytes], compression: str) -> None:
        self._file = file
        self._compressor = _compressor(compression)
        self._begun = False

    def write(self, data: bytes) -> None:
        self._begun = True
        self._file.write(self._compressor.compress(data))

    def close(self) -> None:
        """Ends the member; the file stays open."""
        if self._begun:
            self._file.write(self._compressor.flush())


def member(data: bytes, compression: str) -> bytes:
    """The data as one whole member; no data, no bytes."""
    if not data:
        return b""
    compressor = _compressor(compression)
    return compressor.compress(data) + compressor.flush()
