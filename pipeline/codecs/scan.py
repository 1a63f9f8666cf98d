"""Counts what a cut of a plain local file depends on, in a worker, a window of chunks at a time.

Counts of ranges add up: windows can be counted in any order and by several workers. A window's answer is small
enough for the pool's pipe (under 4 kB for `WINDOW_CHUNKS`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.codecs.framing import Cutter
from pipeline.codecs.stored import READ_BYTES, open_file, read_exactly
from pipeline.model import Lines

WINDOW_CHUNKS: Final = 256


@dataclass(frozen=True, slots=True)
class LineScan:
    """One window, a value a nominal chunk [k * chunk_bytes, (k + 1) * chunk_bytes)."""

    odd: tuple[bool, ...]
    """The range holds an odd number of quotes: the next one starts on the other side of a quote. Empty without a
    quote character."""
    newlines: tuple[int, ...]
    """In the range. Empty unless lines are counted."""


def scan_lines(path: str, quote: str, chunk_bytes: int, first: int, chunks: int, count_lines: bool) -> LineScan:  # noqa: FBT001, PLR0917
    """Counts in `chunks` nominal chunks from number `first`. Called across the pool, so by position.

    Raises InputMissing and InputRefused."""
    odd, newlines = [], []
    with open_file(path) as fd:
        for number in range(first, first + chunks):
            quotes = lines = 0
            for data in _range(fd, number * chunk_bytes, (number + 1) * chunk_bytes):
                quotes += data.count(quote.encode("ascii")) if quote else 0
                lines += data.count(b"\n") if count_lines else 0
            odd.append(quotes % 2 == 1)
            newlines.append(lines)
    return LineScan(tuple(odd) if quote else (), tuple(newlines) if count_lines else ())


def _range(fd: int, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, READ_BYTES):
        yield read_exactly(fd, at, min(at + READ_BYTES, stop))


def read_header(path: str, framing: Lines) -> bytes | None:
    """The header record of a plain UTF-8 file, from as much of it as it takes; None in an empty file. Raises
    InputRefused for one that is longer than a record may be."""
    cutter = Cutter(framing, READ_BYTES)
    with open_file(path) as fd:
        at = 0
        while cutter.header is None and (data := read_exactly(fd, at, at + (1 << 16))):
            cutter.feed(data)
            at += len(data)
    if cutter.header is None:
        cutter.finish()
    return cutter.header
