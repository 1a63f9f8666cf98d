"""Where in the input something went wrong, for messages, and how lines are counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import InputMissing, InputRefused
from pipeline.model import ChunkBytes, Rows
from pipeline.protocols import Batch, Format


@contextmanager
def blaming(place: str) -> Iterator[None]:
    """Errors of the input from in here start with the place."""
    try:
        yield
    except (InputRefused, InputMissing) as error:
        raise type(error)(f"{place}: {error.message}", error.hint) from error


def read_chunk(format: Format, shard: str, chunk: ChunkBytes | Rows) -> Batch:
    """The batch of a chunk. Of bytes the format knows the shard's name, of a file, which may be a copy, it does not."""
    if isinstance(chunk, ChunkBytes):
        return format.read(chunk)
    with blaming(shard):
        return format.read(chunk)


def place_of(shard: str, chunk: ChunkBytes | Rows) -> str:
    """A shard and the part of it that a chunk is: a value at fault is in one of its records."""
    if isinstance(chunk, Rows):
        return f"{shard}: row group {chunk.group}"
    line = "" if chunk.first_line is None else f"line {chunk.first_line}, "
    return f"{shard}: in the chunk from {line}byte {chunk.first_byte}"


def header_lines(header: bytes | None) -> int:
    """Physical lines of a header record."""
    return 0 if header is None else header.count(b"\n") + 1
