"""Sends the chunks of a stream as they are cut, and holds them against those that an earlier attempt has sent.

A stream that fails on the way is opened again from its start. Chunks that were sent by then are not sent again, but
they must come out the same: a chunk of one version of a shard never meets one of another. Chunks that an earlier run
has done are cut, for those after them, and not sent either.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial

from pipeline.codecs.cut import Cut
from pipeline.codecs.decoding import Decoding
from pipeline.codecs.stored import naming
from pipeline.errors import InputRefused
from pipeline.fetch.fetching import Begun, Fetching
from pipeline.fetch.memory_file import MemoryFile
from pipeline.fetch.outgoing import HOLD_FACTOR, SMALLEST_HOLD, Hold, Outgoing, hold_bytes
from pipeline.fetch.threads import in_steps
from pipeline.model import Shard, Span, Task


class ChunkSender:
    """One attempt at a stream. `seen` are the checksums of the chunks of all attempts so far, and grows."""

    def __init__(
        self,
        shard: Shard,
        begun: Begun,
        decoding: Decoding,
        fetching: Fetching,
        outgoing: Outgoing,
        *,
        seen: list[int],
        hold: Hold,
    ) -> None:
        self._shard = shard
        self._done = begun.done
        self._decoding = decoding
        self._fetching = fetching
        self._outgoing = outgoing
        self._seen = seen
        self._hold = hold
        self._came = 0
        self._full = hold_bytes(fetching.spec.framing, begun.chunk_bytes)

    async def feed(self, stored: bytes) -> None:
        """Raises CorruptInput and InputRefused, with the shard's name. Cancelled: the step under way ends first."""
        await self._send(self._decoding.steps(stored))

    async def finish(self) -> None:
        """The stream is over."""
        await self._send(self._decoding.finish())
        if self._came < len(self._seen):
            raise changed(self._shard)

    def close(self) -> None:
        """Gives back what the next chunk would have held."""
        self._hold.release()

    async def _send(self, steps: Iterator[Cut | None]) -> None:
        while True:
            memory = None if self._came < len(self._seen) else MemoryFile()
            try:
                with naming(self._shard):
                    written = partial(_written, memory, self._done)
                    found = await in_steps(self._fetching.threads, map(written, steps))
                if found is None:
                    return
                cut, checksum = found
                if memory is None:
                    if self._seen[self._came] != checksum:
                        raise changed(self._shard)
                else:
                    if cut.number not in self._done:
                        owned, memory = memory, None  # the parcel's from here on
                        await self._hand_over(cut, owned)
                    self._seen.append(checksum)
                self._came += 1
            finally:
                if memory is not None:
                    memory.close()

    async def _hand_over(self, cut: Cut, memory: MemoryFile) -> None:
        span = Span(memory.path, 0, cut.size, cut.first_byte, cut.oversize)
        task = Task(self._shard, cut.number, span, self._decoding.header, cut.first_line)
        self._hold.shrink(max(SMALLEST_HOLD, HOLD_FACTOR * cut.size))
        await self._outgoing.send(task, self._hold.handed_over(), memory.close)
        self._hold = await self._outgoing.hold(self._full)


def changed(shard: Shard) -> InputRefused:
    """What to raise where an attempt meets another version than one before."""
    return InputRefused(
        f"{shard.name}: changed while it was fetched: what came again is not what came before",
        "Run again when nobody writes to it.",
    )


def _written(memory: MemoryFile | None, done: frozenset[int], cut: Cut | None) -> tuple[Cut, int] | None:
    """A chunk and its checksum, its data only in the memory file, and only if it is not done; or None for none. In a
    thread."""
    if cut is None:
        return None
    checksum = zlib.crc32(repr((cut.number, cut.size, cut.first_byte, cut.oversize)).encode())
    for piece in cut.pieces:
        checksum = zlib.crc32(piece, checksum)
    if memory is not None and cut.number not in done:
        memory.write(cut.pieces)
    return Cut(cut.number, (), cut.size, cut.first_byte, cut.first_line, cut.oversize), checksum
