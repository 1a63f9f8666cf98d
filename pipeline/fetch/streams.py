"""Shards that the parent reads: small ones go on as they are stored, large ones inflated and cut as they stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from pipeline.codecs.decoding import Decoding
from pipeline.codecs.detect import PREFIX_BYTES, compression_of
from pipeline.codecs.whole import cutter_of
from pipeline.errors import InputMissing, InputRefused
from pipeline.events import BytesFetched
from pipeline.fetch.cutting import ChunkSender
from pipeline.fetch.fetching import BATCH_BYTES, Fetching
from pipeline.fetch.memory_file import MemoryFile
from pipeline.fetch.outgoing import HOLD_FACTOR, SMALLEST_HOLD, Hold, Outgoing, hold_bytes
from pipeline.fetch.patterns import is_url
from pipeline.fetch.retry import retrying
from pipeline.fetch.spool import SpoolFile, spooled
from pipeline.fetch.threads import in_thread
from pipeline.model import RowGroups, Shard, Stored, Task


async def send_stream(shard: Shard, at: Shard, fetching: Fetching, outgoing: Outgoing) -> int | SpoolFile:
    """Sends the tasks of `shard`, read at `at`, and says how many they are; or gives back a file with all of it, where
    it must be one to be read. Raises what the source and the codecs raise, with the shard's name, and InputRefused
    for a shard that changed between two attempts. Cancelled: nothing is left behind."""
    stream = _Stream(shard, at, fetching, outgoing)
    return await retrying(stream.attempt, fetching.spec.retry, shard.name, fetching.emit)


async def batches_of(shard: Shard, body: AsyncIterator[bytes], fetching: Fetching) -> AsyncIterator[bytes]:
    """The stored bytes in pieces worth a thread's while. Observers hear of each piece as it comes."""
    remote = is_url(shard.location)
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        fetching.emit(BytesFetched(shard.order, len(piece), remote))
        pieces.append(piece)
        size += len(piece)
        if size >= BATCH_BYTES:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)


class _Stream:
    """A shard and what has been sent of it, over all attempts."""

    def __init__(self, shard: Shard, at: Shard, fetching: Fetching, outgoing: Outgoing) -> None:
        self._shard = shard
        self._at = at
        self._fetching = fetching
        self._spec = fetching.spec
        self._outgoing = outgoing
        self._sent: list[int] = []

    async def attempt(self) -> int | SpoolFile:
        hold = await self._outgoing.hold(hold_bytes(self._spec.framing, self._spec.chunk_bytes))
        try:
            async with self._fetching.open(self._at) as body:
                return await self._read(batches_of(self._at, body, self._fetching), hold)
        except InputMissing as error:
            if self._sent:
                raise InputRefused(f"{error.message}, after part of it had come", error.hint) from error
            raise
        finally:
            hold.release()  # does nothing where a task has taken it

    async def _read(self, batches: AsyncIterator[bytes], hold: Hold) -> int | SpoolFile:
        first = await anext(batches, b"")
        compression = compression_of(first[:PREFIX_BYTES], self._at.member or self._shard.name, self._spec.compression)
        if compression == "zip" and self._at.member is not None:
            raise InputRefused(f"{self._shard.name}: is an archive inside an archive")
        if compression == "zip" or isinstance(self._spec.framing, RowGroups):
            hold.release()  # a file on disk is no bytes in flight
            return await spooled(self._shard, chained([first], batches), compression, self._fetching)
        begun, whole = [first], False
        if is_url(self._at.location) and not self._sent:
            begun, whole = await self._collect(first, batches)
        if whole:
            return await self._send_stored(compression, begun, hold)
        return await self._send_chunks(compression, chained(begun, batches), hold)

    async def _collect(self, first: bytes, batches: AsyncIterator[bytes]) -> tuple[list[bytes], bool]:
        """The beginning of the stream, up to a chunk's worth or a batch more; whether that was all of it."""
        begun, size = [first], len(first)
        while size <= self._spec.chunk_bytes:
            batch = await anext(batches, b"")
            if not batch:
                return begun, True
            begun.append(batch)
            size += len(batch)
        return begun, False

    async def _send_stored(self, compression: str, body: list[bytes], hold: Hold) -> int:
        size = sum(map(len, body))
        if size == 0 and compression == "none":
            return 0
        memory = MemoryFile()
        try:
            await in_thread(self._fetching.threads, memory.write, body)
        except BaseException:
            memory.close()
            raise
        if compression == "none" and self._spec.is_utf8:
            hold.shrink(max(SMALLEST_HOLD, HOLD_FACTOR * size))
        task = Task(self._shard, 0, Stored(memory.path, size, compression))
        await self._outgoing.send(task, hold.handed_over(), memory.close)
        return 1

    async def _send_chunks(self, compression: str, batches: AsyncIterator[bytes], hold: Hold) -> int:
        assert not isinstance(self._spec.framing, RowGroups)
        cutter = cutter_of(self._spec.framing, self._spec.chunk_bytes, count_lines=self._spec.count_lines)
        decoding = Decoding(compression, self._spec.encoding, cutter)
        sender = ChunkSender(
            self._shard, decoding, self._fetching, self._outgoing, sent=self._sent, hold=hold.handed_over()
        )
        try:
            async for batch in batches:
                await sender.feed(batch)
            await sender.finish()
        finally:
            sender.close()
        return len(self._sent)


async def chained(begun: Iterable[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """One after the other."""
    for batch in begun:
        yield batch
    async for batch in rest:
        yield batch
