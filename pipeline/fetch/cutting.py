"""Sends the chunks of a stream as they are cut, and holds them against those that an earlier attempt has sent.

A stream that fails on the way is opened again from its start. Chunks that were sent by then are not sent again, but
they must come out the same: a chunk of one version of a shard never meets one of another.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from pipeline.codecs.cut import Cut
from pipeline.codecs.decoding import Decoding
from pipeline.codecs.stored import naming
from pipeline.errors import InputRefused
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.memory_file import MemoryFile
from pipeline.fetch.outgoing import HOLD_FACTOR, SMALLEST_HOLD, Hold, Outgoing, hold_bytes
from pipeline.fetch.threads import in_thread
from pipeline.model import Shard, Span, Task


class ChunkSender:
    """One attempt at a stream. `sent` are the checksums of the chunks of all attempts so far, and grows."""

    def __init__(
        self, shard: Shard, decoding: Decoding, fetching: Fetching, outgoing: Outgoing, *, sent: list[int], hold: Hold
    ) -> None:
        self._shard = shard
        self._decoding = decoding
        self._fetching = fetching
        self._outgoing = outgoing
        self._sent = sent
        self._hold = hold
        self._came = 0
        self._full = hold_bytes(fetching.spec.framing, fetching.spec.chunk_bytes)

    async def feed(self, stored: bytes) -> None:
        """Raises CorruptInput and InputRefused, with the shard's name. Cancelled: the thread at work ends first."""
        await self._send(self._decoding.feed(stored))

    async def finish(self) -> None:
        """The stream is over."""
        await self._send(self._decoding.finish())
        if self._came < len(self._sent):
            raise self._changed()

    def close(self) -> None:
        """Gives back what the next chunk would have held."""
        self._hold.release()

    async def _send(self, cuts: Iterator[Cut]) -> None:
        while True:
            memory = None if self._came < len(self._sent) else MemoryFile()
            try:
                with naming(self._shard):
                    found = await in_thread(self._fetching.threads, _next_cut, cuts, memory)
                if found is None:
                    return
                cut, checksum = found
                if memory is None:
                    if self._sent[self._came] != checksum:
                        raise self._changed()
                else:
                    owned, memory = memory, None  # the parcel's from here on
                    await self._hand_over(cut, owned)
                    self._sent.append(checksum)
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

    def _changed(self) -> InputRefused:
        return InputRefused(
            f"{self._shard.name}: changed while it was fetched: what came again is not what came before",
            "Run again when nobody writes to it.",
        )


def _next_cut(cuts: Iterator[Cut], memory: MemoryFile | None) -> tuple[Cut, int] | None:
    """The next chunk and its checksum; its data only in the memory file. In a thread."""
    cut = next(cuts, None)
    if cut is None:
        return None
    checksum = zlib.crc32(repr((cut.number, cut.size, cut.first_byte, cut.oversize)).encode())
    for piece in cut.pieces:
        checksum = zlib.crc32(piece, checksum)
    if memory is not None:
        memory.write(cut.pieces)
    return Cut(cut.number, (), cut.size, cut.first_byte, cut.first_line, cut.oversize), checksum
