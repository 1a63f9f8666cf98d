"""Shards that the parent reads: small ones go on as they are stored, large ones inflated and cut as they stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from pipeline.codecs.decoding import Decoding
from pipeline.codecs.detect import PREFIX_BYTES, compression_of
from pipeline.codecs.whole import cutter_of
from pipeline.errors import InputMissing, InputRefused
from pipeline.events import BytesFetched
from pipeline.fetch.cutting import ChunkSender, changed
from pipeline.fetch.fetching import BATCH_BYTES, Begun, Fetching
from pipeline.fetch.memory_file import MemoryFile
from pipeline.fetch.outgoing import HOLD_FACTOR, SMALLEST_HOLD, Hold, Outgoing, hold_bytes
from pipeline.fetch.patterns import is_url
from pipeline.fetch.retry import retrying
from pipeline.fetch.spool import SpoolFile, spooled
from pipeline.fetch.threads import in_thread
from pipeline.model import RowGroups, Shard, Stored, Task


@dataclass(frozen=True, slots=True)
class Streamed:
    """A shard that has come."""

    shard: Shard
    """With the version that came."""
    tasks: int | SpoolFile
    """How many it has; or a file with all of it, where it must be one to be read."""


async def send_stream(shard: Shard, at: Shard, fetching: Fetching, outgoing: Outgoing) -> Streamed:
    """Sends the tasks of `shard`, read at `at`, but for those that are done. Raises what the source and the codecs
    raise, with the shard's name, and InputRefused for a shard that changed between two attempts. Cancelled: nothing
    is left behind."""
    stream = _Stream(shard, at, fetching, outgoing)
    return await retrying(stream.attempt, fetching.spec.retry, shard.name, fetching.emit)


async def batches_of(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes in pieces worth a thread's while."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size >= BATCH_BYTES:
            batch = b"".join(pieces)
            pieces, size = [], 0
            yield batch
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
        self._begun = Begun(self._spec.chunk_bytes)
        self._seen: list[int] = []

    async def attempt(self) -> Streamed:
        try:
            async with self._fetching.open(self._at) as opened:
                self._begin(opened.version)
                # Not before it is open: Outgoing says why.
                with await self._outgoing.hold(hold_bytes(self._spec.framing, self._begun.chunk_bytes)) as hold:
                    tasks = await self._read(batches_of(self._counted(opened.body)), hold)
                    return Streamed(self._shard, tasks)
        except InputMissing as error:
            if self._seen:
                raise InputRefused(f"{error.message}, after part of it had come", error.hint) from error
            raise

    def _begin(self, version: str | None) -> None:
        """Raises InputRefused where chunks of another version have gone before."""
        if self._at.location == self._shard.location:  # a copy that the run has made is of the version it was made of
            if self._seen and version != self._shard.version:
                raise changed(self._shard)
            self._shard = replace(self._shard, version=version)
        self._begun = self._fetching.begin(self._shard)

    async def _counted(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Observers hear of what the shard has stored as it comes. A copy was counted when it was made; a member comes
        inflated, and counts as what it has in the archive."""
        own, left = self._at.location == self._shard.location, self._at.size if self._at.member is not None else None
        async for piece in body:
            count = len(piece)
            if left is not None:
                count = min(count, left)
                left -= count
            self._count(count if own else 0)
            yield piece
        self._count(left if own and left else 0)

    def _count(self, count: int) -> None:
        if count:
            self._fetching.emit(BytesFetched(self._shard.order, count, is_url(self._at.location)))

    async def _read(self, batches: AsyncIterator[bytes], hold: Hold) -> int | SpoolFile:
        start = [await anext(batches, b"")]
        compression = compression_of(
            start[0][:PREFIX_BYTES], self._at.member or self._shard.name, self._spec.compression
        )
        if compression == "zip" and self._at.member is not None:
            raise InputRefused(f"{self._shard.name}: is an archive inside an archive")
        if compression == "zip" or isinstance(self._spec.framing, RowGroups):
            hold.release()  # a file on disk is no bytes in flight
            return await spooled(self._shard, chained(start, batches), compression, self._fetching)
        if is_url(self._at.location) and not self._seen and await self._collect(start, batches):
            return await self._send_stored(compression, start, hold)
        return await self._send_chunks(compression, chained(start, batches), hold)

    async def _collect(self, start: list[bytes], batches: AsyncIterator[bytes]) -> bool:
        """Adds to the start of the stream, up to a chunk's worth or a batch more; whether that is all of it."""
        size = sum(map(len, start))
        while size <= self._begun.chunk_bytes:
            batch = await anext(batches, b"")
            if not batch:
                return True
            start.append(batch)
            size += len(batch)
        return False

    async def _send_stored(self, compression: str, body: list[bytes], hold: Hold) -> int:
        size = sum(map(len, body))
        if size == 0 and compression == "none":
            return 0
        if 0 in self._begun.done:
            return 1
        memory = MemoryFile()
        try:
            await in_thread(self._fetching.threads, memory.write, body)
        except BaseException:
            memory.close()
            raise
        body.clear()  # it may be long until somebody takes the task
        if compression == "none" and self._spec.is_utf8:
            hold.shrink(max(SMALLEST_HOLD, HOLD_FACTOR * size))
        task = Task(self._shard, 0, Stored(memory.path, size, compression))
        await self._outgoing.send(task, hold.handed_over(), memory.close)
        return 1

    async def _send_chunks(self, compression: str, batches: AsyncIterator[bytes], hold: Hold) -> int:
        assert not isinstance(self._spec.framing, RowGroups)
        cutter = cutter_of(self._spec.framing, self._begun.chunk_bytes, count_lines=self._spec.count_lines)
        decoding = Decoding(compression, self._spec.encoding, cutter)
        sender = ChunkSender(
            self._shard,
            self._begun,
            decoding,
            self._fetching,
            self._outgoing,
            seen=self._seen,
            hold=hold.handed_over(),
        )
        try:
            async for batch in batches:
                await sender.feed(batch)
            await sender.finish()
        finally:
            sender.close()
        return len(self._seen)


async def chained(start: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """One after the other. Takes them out of `start`, which its maker may keep for as long as the stream is open:
    test_a_stream_that_waits_keeps_no_chunk."""
    start.reverse()
    while start:
        yield start.pop()
    async for batch in rest:
        yield batch
