"""Reads the chunks of a task, in a worker: whatever way the bytes took, the same shard gives the same chunks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from pipeline.codecs.cut import Cut, Cuts
from pipeline.codecs.decoding import Decoding
from pipeline.codecs.detect import PREFIX_BYTES, compression_of
from pipeline.codecs.ends import first_end, inside_after
from pipeline.codecs.framing import BOM, Cutter
from pipeline.codecs.stored import listed_version, naming, open_file, pieces, read_exactly
from pipeline.codecs.whole import cutter_of
from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, ChunkId, Framing, Lines, Range, RowGroups, Rows, Span, Stored, Task

PROBE_BYTES: Final = 1 << 16
"""Read at a time where a record end is looked for."""


def read_task(
    task: Task, framing: Framing, chunk_bytes: int, compression: str, encoding: str
) -> Iterator[ChunkBytes | Rows]:
    """The task's chunks in order, one at a time.

    `compression` is the configured one, for a body the parent has not looked into. Of a Stored task only the first
    chunk knows its line.

    Raises InputMissing, CorruptInput (naming the byte) and InputRefused (a local file that changed), all with the
    shard's name.
    """
    with naming(task.shard):
        match task.place:
            case Rows():
                yield task.place
            case Span():
                yield _read_span(task, task.place)
            case Range():
                assert isinstance(framing, Lines)
                yield from _read_range(task, task.place, framing, chunk_bytes)
            case Stored():
                assert not isinstance(framing, RowGroups)
                cutter = cutter_of(framing, chunk_bytes)
                yield from _read_stored(task, task.place, cutter, compression, encoding)


def _chunk(task: Task, cut: Cut, header: bytes | None) -> ChunkBytes:
    id = ChunkId(task.shard.order, cut.number)
    return ChunkBytes(id, task.shard.name, cut.data, cut.first_byte, cut.first_line, header, cut.oversize)


def _read_span(task: Task, place: Span) -> ChunkBytes:
    with open_file(place.path) as fd:
        data = read_exactly(fd, place.start, place.stop)
    if len(data) != place.stop - place.start:
        raise InputRefused(f"chunk {task.number} was cut short on its way to the worker")
    cut = Cut(task.number, (data,), len(data), place.first_byte, task.first_line, place.oversize)
    return _chunk(task, cut, task.header)


def _read_stored(task: Task, place: Stored, cutter: Cuts, compression: str, encoding: str) -> Iterator[ChunkBytes]:
    stream = pieces(place.path, place.member, listed_version(task.shard, place.path))
    first = next(stream, b"")
    kind = place.compression
    if kind == "auto":
        kind = compression_of(first[:PREFIX_BYTES], place.member or task.shard.name, compression)
    if kind == "zip":
        raise InputRefused("is an archive inside an archive")
    decoding = Decoding(kind, encoding, cutter)

    def chunk(cut: Cut) -> ChunkBytes:
        return _chunk(task, cut, decoding.header)

    for data in chain([first], stream):
        yield from map(chunk, decoding.feed(data))  # a loop would keep the cut beside the chunk made of it
    yield from map(chunk, decoding.finish())


def _read_range(task: Task, place: Range, framing: Lines, chunk_bytes: int) -> Iterator[ChunkBytes]:
    """The chunks whose records start in [place.start, place.stop): what a Cutter over the whole file gives there."""
    with open_file(place.path, listed_version(task.shard, place.path)) as fd:
        if place.start <= len(BOM):  # whether the first record starts here, only the beginning tells
            cutter, at = Cutter(framing, chunk_bytes, count_lines=place.start > 0), 0
        else:
            found = _first_record(fd, place, framing.quote)
            if found is None:
                return
            at, newlines = found
            line = None if task.first_line is None else task.first_line + newlines
            cutter = Cutter(framing, chunk_bytes, record=at, line=line)
        stop = _likely_end(fd, place.stop, framing.quote)
        while True:
            data = read_exactly(fd, at, max(stop, at + PROBE_BYTES))
            for cut in cutter.feed(data) if data else cutter.finish():
                start = cut.number * chunk_bytes
                if place.start <= start < place.stop:
                    yield _chunk(task, cut, task.header if task.header is not None else cutter.header)
                if start + chunk_bytes >= place.stop:
                    return
            if not data:
                return
            at += len(data)


def _first_record(fd: int, place: Range, quote: str) -> tuple[int, int] | None:
    """The first byte of the first record that starts in the range, and the newlines before it in the range; None if
    no record starts there."""
    at, inside, newlines = place.start, place.quoted, 0
    if not inside and read_exactly(fd, at - 1, at) == b"\n":
        return at, 0
    while at < place.stop - 1:
        data = read_exactly(fd, at, min(at + PROBE_BYTES, place.stop - 1))
        if not data:
            return None
        end = first_end(data, 0, len(data), quote, inside=inside)
        if end >= 0:
            return at + end + 1, newlines + data.count(b"\n", 0, end + 1)
        inside = inside_after(data, 0, len(data), quote, inside=inside)
        newlines += data.count(b"\n")
        at += len(data)
    return None


def _likely_end(fd: int, stop: int, quote: str) -> int:
    """Where the last record of the range ends, if a probe can tell: then one read gets it all and nothing is joined.

    With quotes only the data itself tells; a wrong guess costs a copy."""
    end = -1 if quote else read_exactly(fd, stop - 1, stop - 1 + PROBE_BYTES).find(b"\n")
    return stop + end if end >= 0 else stop
