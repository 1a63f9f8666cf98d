"""Shards in a file of this machine: where possible the worker reads it, and the parent only its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from pipeline.codecs.detect import compression_of
from pipeline.codecs.scan import WINDOW_CHUNKS, LineScan, read_header
from pipeline.codecs.stored import first_bytes, naming
from pipeline.errors import InputRefused
from pipeline.fetch.fetching import Begun, Fetching
from pipeline.fetch.files import members_of
from pipeline.fetch.outgoing import HOLD_FACTOR, SMALLEST_HOLD, Outgoing, hold_bytes
from pipeline.fetch.streams import Streamed, send_stream
from pipeline.fetch.threads import in_thread
from pipeline.model import Lines, Place, Range, RowGroups, Rows, Shard, Stored, Task

ROW_GROUP_FACTOR = 2
"""What a row group costs, in its bytes before compression: as it is read, and as columns."""

LetGo = Callable[[], None]


def _nothing() -> None:
    """A file of the user's is let go by forgetting it."""


async def send_file(
    shard: Shard, at: Shard, fetching: Fetching, outgoing: Outgoing, user: Callable[[], LetGo] = lambda: _nothing
) -> int:
    """Sends the tasks of `shard`, which lies in the file `at.location`, and says how many it has. Those that are done
    count, but are not sent, and what only they need is not read.

    There are five cases. 1: a zip archive: each member as a shard. 2: parquet: a task a row group. 3: plain UTF-8
    lines: a task a range, and nothing is read here but the beginning. 4: stored small, or one record: the worker
    inflates and cuts it. 5: larger: it is streamed and cut here.

    `user` is called for each task; the file stays until what it gave has been called. Raises and cancels as
    `send_stream`.
    """
    spec = fetching.spec
    compression = "auto" if at.member is not None else await _compression(shard, at, fetching)
    file = _File(shard, at, fetching, outgoing, user, begun=fetching.begin(shard))
    if compression == "zip":
        return await file.send_members()
    if isinstance(spec.framing, RowGroups):
        return await (file.send_row_groups() if compression == "none" else file.send_streamed())
    if compression == "none" and spec.is_utf8 and isinstance(spec.framing, Lines):
        return await file.send_ranges(spec.framing)
    if file.size <= file.chunk_bytes or not isinstance(spec.framing, Lines):
        return await file.send_stored(compression)
    return await file.send_streamed()


async def _compression(shard: Shard, at: Shard, fetching: Fetching) -> str:
    with naming(shard):
        prefix = await in_thread(fetching.threads, first_bytes, at.location)
    return compression_of(prefix, shard.name, fetching.spec.compression)


class _File:
    def __init__(
        self,
        shard: Shard,
        at: Shard,
        fetching: Fetching,
        outgoing: Outgoing,
        user: Callable[[], LetGo],
        *,
        begun: Begun,
    ) -> None:
        assert at.size is not None, "a listing of files tells their sizes"
        self.size = at.size
        self.chunk_bytes = begun.chunk_bytes
        self._done = begun.done
        self._shard = shard
        self._at = at
        self._path = at.location
        self._fetching = fetching
        self._spec = fetching.spec
        self._outgoing = outgoing
        self._user = user
        self._full = hold_bytes(self._spec.framing, begun.chunk_bytes)

    async def _send(self, number: int, place: Place, hold: int, header: bytes | None, line: int | None) -> None:
        held = await self._outgoing.hold(min(self._full, max(SMALLEST_HOLD, hold)))
        await self._outgoing.send(Task(self._shard, number, place, header, line), held, self._user())

    async def send_stored(self, compression: str) -> int:
        if self.size == 0 and compression == "none":
            return 0
        if 0 in self._done:
            return 1
        plain = compression == "none" and self._spec.is_utf8
        place = Stored(self._path, self.size, compression, self._at.member)
        await self._send(0, place, HOLD_FACTOR * self.size if plain else self._full, None, 1)
        return 1

    async def send_ranges(self, framing: Lines) -> int:
        """A task a nominal chunk; what a range cannot know of the bytes before it, a header and a scan tell."""
        size, step = self.size, self.chunk_bytes
        chunks = -(-size // step)
        rest = max(set(range(chunks)) - self._done, default=-1) + 1  # what comes after it is done
        header, inside, line = None, False, 1
        scan = LineScan((), ())
        if framing.header and rest > 1:
            with naming(self._shard):
                header = await in_thread(self._fetching.threads, read_header, self._path, framing)
        for number in range(rest):
            at = number % WINDOW_CHUNKS
            if at == 0 and rest > 1 and (framing.quote or self._spec.count_lines):
                with naming(self._shard):
                    scan = await self._fetching.scan(self._path, step, number, min(WINDOW_CHUNKS, rest - number))
            if number not in self._done:
                place = Range(self._path, number * step, min(size, (number + 1) * step), inside)
                first_line = line if number == 0 or self._spec.count_lines else None
                await self._send(number, place, HOLD_FACTOR * size, header if number else None, first_line)
            inside ^= bool(scan.odd) and scan.odd[at]
            line += scan.newlines[at] if scan.newlines else 0
        return chunks

    async def send_row_groups(self) -> int:
        with naming(self._shard):
            sizes = await self._fetching.row_groups(self._path)
        line = 1
        for number, (rows, nbytes) in enumerate(sizes):
            if number not in self._done:
                await self._send_row_group(number, nbytes, line)
            line += rows
        return len(sizes)

    async def _send_row_group(self, number: int, nbytes: int, line: int) -> None:
        try:
            held = await self._outgoing.hold(max(min(self._full, SMALLEST_HOLD), ROW_GROUP_FACTOR * nbytes))
        except ValueError as error:
            raise InputRefused(
                f"{self._shard.name}: row group {number} has {nbytes:,} bytes, and needs more than run.memory",
                "A larger run.memory takes it, or smaller row groups.",
            ) from error
        task = Task(self._shard, number, Rows(self._path, number), None, line)
        await self._outgoing.send(task, held, self._user())

    async def send_members(self) -> int:
        with naming(self._shard):
            members = await in_thread(self._fetching.threads, members_of, self._shard, self._path)
        tasks = 0
        for member in members:
            at = replace(member, location=self._path, version=self._at.version)
            tasks += await send_file(member, at, self._fetching, self._outgoing, self._user)
        return tasks

    async def send_streamed(self) -> int:
        streamed = await send_stream(self._shard, self._at, self._fetching, self._outgoing)
        return await send_rest(streamed, self._fetching, self._outgoing)


async def send_rest(streamed: Streamed, fetching: Fetching, outgoing: Outgoing) -> int:
    """Says how many tasks a shard has that has come as a stream; where that has put it in a file, sends them as
    `send_file` does. The file goes with the last."""
    if isinstance(streamed.tasks, int):
        return streamed.tasks
    with closing(streamed.tasks) as file:
        at = replace(streamed.shard, location=file.path, size=file.size, version=None, member=None)
        return await send_file(streamed.shard, at, fetching, outgoing, file.user)
