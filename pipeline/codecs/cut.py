"""A chunk as it leaves a cutter, and what a cutter is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.model import Oversize


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk. Its data is in pieces, as they came: nothing is copied before it is written or joined."""

    number: int
    pieces: tuple[bytes | memoryview, ...]
    size: int
    """Bytes of data."""
    first_byte: int
    """Where the chunk's first record, oversize or not, starts in the decoded shard."""
    first_line: int | None
    """Its physical line, where known."""
    oversize: tuple[Oversize, ...] = ()

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


class Cuts(Protocol):
    """What every cutter does: takes a decoded shard in pieces of any size, gives chunks."""

    header: bytes | None

    def feed(self, data: bytes) -> list[Cut]:
        """Takes the next bytes and gives the chunks that they complete."""
        ...

    def finish(self) -> list[Cut]:
        """The shard is over. Its last record may lack a newline."""
        ...
