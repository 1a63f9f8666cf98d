"""Keeps the journal of a run: makes durable what a task has left, then writes it down, many tasks in one go.

Durable order: the files, the folder that names them, then the journal. Whoever has waited for `record` may rely on it
after kill -9 and after a power cut. A failed sync is never tried again: the run ends, and the task counts as not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pipeline.errors import InputRefused
from pipeline.fetch.fetching import Begun
from pipeline.journal import Begin, Change, Died, Done, Ended, Journal, checksum, sort_key
from pipeline.model import Outcome, Shard, ShardOrder, TablePart, Task
from pipeline.sink.atomic import Disk, output_errors

T = TypeVar("T")

SYNC_THREADS = 4

EMBED_BYTES = 64 << 10
"""A partial up to this size moves into the journal: it costs no wait for the disk of its own, and less to read."""


@dataclass(slots=True)
class Entry:
    """One input that has work left."""

    id: int
    version: str | None
    chunk_bytes: int
    settled: frozenset[tuple[str, int]] = frozenset()
    """(member, number) of the tasks that need no work."""
    begun: bool = False
    deaths: dict[tuple[str, int], int] = field(default_factory=dict)
    rejected: int = 0
    """Records of the settled tasks that were rejected."""


class Recorder:
    """What the stages of one run tell the journal. Leave it with `close`."""

    def __init__(
        self,
        journal: Journal,
        thread: ThreadPoolExecutor,
        parts: Path,
        entries: Mapping[ShardOrder, Entry],
        *,
        chunk_bytes: int,
        encodings: tuple[str, ...],
        disk: Disk | None = None,
    ) -> None:
        """`entries` are those of the shards that fetch is given, by their order."""
        self._journal = journal
        self._thread = thread
        self._parts = parts
        self._entries = entries
        self._chunk_bytes = chunk_bytes
        self._encodings = encodings
        self._disk = disk or Disk()
        self._syncing = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="sync")
        self._waiting: list[Change] = []
        self._told = 0
        self._durable = 0
        self._turn = asyncio.Lock()
        self._failed: Exception | None = None

    def close(self) -> None:
        """Lets the threads go."""
        self._syncing.shutdown(wait=False, cancel_futures=True)

    # --- what fetch tells ---------------------------------------------------------------------------------------

    def begin(self, shard: Shard) -> Begun:
        """`Fetching.begin`. Raises InputRefused for a shard that has become another version since its first try."""
        entry, member = self._entry(shard.order)
        if entry.version is None or shard.content != entry.version:
            if entry.begun and shard.content != entry.version:
                raise InputRefused(f"{shard.name}: changed while it was fetched", "Run again when nobody writes to it.")
            if not entry.begun:
                entry.version, entry.settled, entry.chunk_bytes = shard.content, frozenset(), self._chunk_bytes
                entry.deaths, entry.rejected = {}, 0
                self._tell(Begin(entry.id, shard.content, entry.chunk_bytes))
        entry.begun = True
        return Begun(entry.chunk_bytes, frozenset(number for of, number in entry.settled if of == member))

    def end(self, shard: Shard, tasks: int) -> None:
        """`Fetching.end`. That of a member says nothing: an archive is one input, and ends after its last member."""
        entry, member = self._entry(shard.order)
        if not member:
            self._tell(Ended(entry.id, tasks))

    def chunk_bytes(self, task: Task) -> int:
        """The chunk size of the task's shard: it keeps the one that it was begun with."""
        return self._entry(task.shard.order)[0].chunk_bytes

    # --- what dispatch tells ------------------------------------------------------------------------------------

    def deaths(self, task: Task) -> int:
        """How often the task has ended its worker, in this run and in those before."""
        entry, member = self._entry(task.shard.order)
        return entry.deaths.get((member, task.number), 0)

    async def died(self, task: Task, reason: str, *, poison: bool) -> None:
        """The task has ended its worker once more. Cancelled: may be forgotten."""
        entry, member = self._entry(task.shard.order)
        deaths = self.deaths(task) + 1
        entry.deaths[member, task.number] = deaths
        place = f"{task.shard.name}: chunk {task.number}"
        self._tell(Died(entry.id, member, task.id, deaths, poison, reason, place))
        await self.flush()

    # --- what the store tells -----------------------------------------------------------------------------------

    async def record(self, outcome: Outcome) -> None:
        """Returns when the task is done for good. Raises OutputError. Cancelled: it may be in the journal, or not."""
        if _files(outcome):
            outcome = await self._in(self._syncing, lambda: self._made_durable(outcome))
        else:
            outcome = self._made_durable(outcome)
        entry, member = self._entry(outcome.id.shard)
        self._tell(Done(entry.id, member, outcome, self._encodings))
        await self.flush()

    async def flush(self) -> None:
        """Returns when all that was told before is on the disk. Callers that come together share one transaction."""
        mine = self._told
        async with self._turn:
            if self._failed is not None:
                raise self._failed  # what was to be written with it is lost, and must not seem to be kept
            if self._durable >= mine:
                return
            batch, upto, self._waiting = self._waiting, self._told, []
            try:
                await self._in(self._thread, lambda: self._write(batch))
            except BaseException as error:  # a cancellation too: nobody will know what became of the batch
                self._failed = error if isinstance(error, Exception) else RuntimeError("the journal was given up")
                raise
            self._durable = upto

    def _entry(self, order: ShardOrder) -> tuple[Entry, str]:
        """The input that a shard is of, and its place in it: an archive from a server is found to have members."""
        for length in range(len(order), 0, -1):
            if entry := self._entries.get(order[:length]):
                return entry, sort_key(order[length:])
        raise KeyError(order)

    def _tell(self, change: Change) -> None:
        self._waiting.append(change)
        self._told += 1

    def _made_durable(self, outcome: Outcome) -> Outcome:
        """The outcome with its small partials in itself, and the checksums of all that it keeps."""
        return replace(
            outcome,
            partial=tuple(self._durable_part(part) for part in outcome.partial),
            slices=tuple(
                replace(rows, segments=tuple(replace(each, crc=self._synced(each.path)) for each in rows.segments))
                for rows in outcome.slices
            ),
            rejects_crc=None if outcome.rejects is None else self._synced(outcome.rejects),
        )

    def _durable_part(self, part: TablePart) -> TablePart:
        part = self._embedded(part)
        return replace(part, crc=checksum(part.inline or b"") if part.path is None else self._synced(part.path))

    def _synced(self, path: str) -> int:
        """Makes a file durable; returns its checksum, taken while the file is in memory: what a disk makes of it later
        is what there is to find."""
        with output_errors(path):
            crc = self._disk.checksum(Path(path))
            self._disk.sync_file(Path(path))
        return crc

    def _embedded(self, part: TablePart) -> TablePart:
        if part.path is None:
            return part
        with output_errors(part.path):
            inline = self._disk.take(Path(part.path), EMBED_BYTES)
        return part if inline is None else replace(part, path=None, inline=inline)

    def _write(self, batch: list[Change]) -> None:
        if any(isinstance(change, Done) and _files(change.outcome) for change in batch):
            with output_errors(str(self._parts)):
                self._disk.sync_folder(self._parts)
        self._journal.apply(batch)

    @staticmethod
    def _in(threads: ThreadPoolExecutor, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(threads, call)


def _files(outcome: Outcome) -> list[str]:
    """What the task has left on the disk."""
    files = [part.path for part in outcome.partial if part.path is not None]
    files += [segment.path for rows in outcome.slices for segment in rows.segments]
    return files if outcome.rejects is None else [*files, outcome.rejects]
