"""Cuts `Whole`: the shard is one record and one chunk, whatever `chunk_bytes` says."""

from __future__ import annotations

from pipeline.codecs.cut import Cut, Cuts
from pipeline.codecs.framing import Cutter
from pipeline.codecs.oversize import Skipping, split
from pipeline.model import Lines, Whole


class WholeCutter:
    """Holds the shard, or, once it is longer than `max_record_bytes`, only how it began and how long it is."""

    def __init__(self, framing: Whole) -> None:
        self.header: bytes | None = None
        self._max = framing.max_record_bytes
        self._pieces: list[bytes | memoryview] = []
        self._at = 0
        self._skipping: Skipping | None = None

    def feed(self, data: bytes) -> list[Cut]:
        """Never completes a chunk."""
        self._at += len(data)
        if self._skipping is not None:
            self._skipping.newlines += data.count(b"\n")
        elif data:
            self._pieces.append(data)
            if self._at > self._max:
                self._pieces, prefix, seen = split(self._pieces, self._at)
                self._skipping = Skipping(0, 0, prefix, seen)
        return []

    def finish(self) -> list[Cut]:
        """The chunk, or none: an empty shard holds no record."""
        if self._skipping is not None:
            return [Cut(0, (), 0, 0, 1, (self._skipping.ended(self._at, newline=False),))]
        return [Cut(0, tuple(self._pieces), self._at, 0, 1)] if self._at else []


def cutter_of(framing: Lines | Whole, chunk_bytes: int, *, count_lines: bool = False) -> Cuts:
    """The cutter for a shard from its first byte."""
    if isinstance(framing, Whole):
        return WholeCutter(framing)
    return Cutter(framing, chunk_bytes, count_lines=count_lines)
