"""Streams that share a budget: what they keep while they wait, and that they never wait for each other for ever."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.codecs.compression import OUTPUT_BYTES, STEP_BYTES
from pipeline.codecs.scan import LineScan
from pipeline.engine.memory import MemoryBudget
from pipeline.fetch.fetching import BATCH_BYTES, Begun, Fetching, FetchSpec
from pipeline.fetch.http import HttpSource
from pipeline.fetch.outgoing import HOLD_FACTOR, Outgoing, hold_bytes
from pipeline.fetch.sample import sample
from pipeline.fetch.spool import SpoolFile
from pipeline.fetch.stage import fetch
from pipeline.fetch.streams import send_stream
from pipeline.model import Lines, Parcel, RowGroups, Shard
from pipeline.protocols import Opened
from pipeline.testing.server import Server

Open = Callable[[Shard], AbstractAsyncContextManager[Opened]]

STREAMS = 4
LINE = b"%015d\n" % 7


class Turns(ThreadPoolExecutor):
    """One thread, and how many calls it got."""

    def __init__(self) -> None:
        super().__init__(1)
        self.count = 0

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        self.count += 1
        return super().submit(call, *args, **named)


class Worker:
    """Takes parcels, lets go of each at once while `keeping` is not reached, and keeps what comes after."""

    def __init__(self, keeping: int | None = None) -> None:
        self.parcels: list[Parcel] = []
        self._keeping = keeping

    async def send(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)
        if self._keeping is None or len(self.parcels) <= self._keeping:
            parcel.release()


class AskedTwice(MemoryBudget):
    """Tells when it has been asked twice by each stream."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.by_all = asyncio.Event()
        self._asked = 0

    async def acquire(self, nbytes: int) -> None:
        self._asked += 1
        if self._asked == 2 * STREAMS:
            self.by_all.set()
        await super().acquire(nbytes)


@pytest.fixture
def threads() -> Iterator[Turns]:
    with Turns() as pool:
        yield pool


def fetching(spec: FetchSpec, opened: Open, threads: Turns) -> Fetching:
    async def scan(path: str, chunk_bytes: int, first: int, chunks: int) -> LineScan:
        raise AssertionError(path, chunk_bytes, first, chunks)

    async def row_groups(path: str) -> Sequence[tuple[int, int]]:
        raise AssertionError(path)

    async def skip(shard: Shard, reason: str) -> None:
        raise AssertionError(shard, reason)

    def begin(_: Shard) -> Begun:
        return Begun(spec.chunk_bytes)

    return Fetching(spec, opened, scan, row_groups, threads, lambda _: None, begin, lambda _, __: None, skip)


def bodies(make: Callable[[], Iterator[bytes]]) -> Open:
    """A source whose every shard has this body, made while it is read: the test itself keeps none of it."""

    @asynccontextmanager
    async def opened(_: Shard) -> AsyncIterator[Opened]:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in make():
                yield piece

        yield Opened(None, pieces())

    return opened


def plain(size: int) -> Iterator[bytes]:
    for _ in range(size >> 18):
        yield LINE * (1 << 14)


@pytest.mark.parametrize("location", ["/a.gz", "http://h/a"])
async def test_a_stream_that_waits_keeps_no_chunk(tmp_path: Path, threads: Turns, location: str) -> None:
    """Law 6: what a stream has beside the budget is a batch of stored bytes and some inflated ones, not the chunk
    that it has sent, nor how it began. All but the last here have sent one and wait for bytes of the next."""
    chunk = 8 << 20
    stored = gzip.compress(b"".join(plain(3 * chunk)), 1)
    opened = bodies((lambda: iter([stored])) if location == "/a.gz" else (lambda: plain(3 * chunk)))
    spec = FetchSpec(Lines(), chunk, str(tmp_path))
    budget, worker = AskedTwice(hold_bytes(Lines(), chunk)), Worker(keeping=STREAMS - 1)
    outgoing = Outgoing(budget, worker, lambda _: None)
    tracemalloc.start()
    try:
        shards = [Shard((n,), str(n), location) for n in range(STREAMS)]
        before = tracemalloc.get_traced_memory()[0]
        tasks = [
            asyncio.create_task(send_stream(shard, shard, fetching(spec, opened, threads), outgoing))
            for shard in shards
        ]
        await budget.by_all.wait()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        worker.parcels[-1].release()
    assert {parcel.task.shard for parcel in worker.parcels} == set(shards), "every stream has sent its first chunk"
    assert kept < STREAMS * (3 * BATCH_BYTES + OUTPUT_BYTES) < chunk * STREAMS // 2
    assert budget.held_bytes == 0


async def test_streams_that_wait_for_a_connection_hold_no_bytes(tmp_path: Path, threads: Turns) -> None:
    """More shards at once than a host gives connections, each of several chunks, and bytes for one of them: a stream
    with a connection needs bytes, one with bytes must not need a connection. It used to hang."""
    spec = FetchSpec(Lines(), 1 << 20, str(tmp_path), concurrency=8)
    paths = [f"/{n}" for n in range(6)]
    worker = Worker()
    async with (
        Server(dict.fromkeys(paths, LINE * (1 << 18))) as server,
        HttpSource([], headers={}, timeout_s=5, concurrency=8, per_host=2) as source,
    ):
        shards = [Shard((n,), path, server.url(path)) for n, path in enumerate(paths)]
        budget = MemoryBudget(hold_bytes(spec.framing, spec.chunk_bytes))
        async with asyncio.timeout(20):
            await fetch(shards, fetching(spec, source.open, threads), budget, worker)
        assert server.most_open <= 2
    assert len({parcel.task.id for parcel in worker.parcels}) == len(paths) * 4
    assert budget.held_bytes == 0


async def test_a_record_longer_than_a_chunk_is_held_as_the_chunk_that_it_is(tmp_path: Path, threads: Turns) -> None:
    """Law 6: `max_record` may be many chunks, and what such a record costs is what a chunk of its length costs."""
    record = b"0" * 500_000 + b"\n"
    spec = FetchSpec(Lines(max_record_bytes=600_000), 1000, str(tmp_path))
    budget, worker = MemoryBudget(2 * hold_bytes(spec.framing, spec.chunk_bytes)), Worker(keeping=0)
    shard = Shard((0,), "a", "/a.gz")
    opened = bodies(lambda: iter([gzip.compress(record)]))
    await send_stream(shard, shard, fetching(spec, opened, threads), Outgoing(budget, worker, lambda _: None))
    (parcel,) = worker.parcels
    assert budget.held_bytes == HOLD_FACTOR * len(record)
    parcel.release()
    assert budget.held_bytes == 0


async def test_a_bomb_is_inflated_in_steps(tmp_path: Path, threads: Turns) -> None:
    """A cancellation waits for the thread at work: no turn in it inflates much, also where it completes no chunk."""
    size = 64 << 20
    turns = size // (STEP_BYTES + OUTPUT_BYTES)
    stored = gzip.compress(b"0" * size)
    opened = bodies(lambda: iter([stored]))
    spec = FetchSpec(Lines(max_record_bytes=1000), 1 << 20, str(tmp_path))
    worker, shard = Worker(), Shard((0,), "bomb", "/bomb.gz")
    outgoing = Outgoing(MemoryBudget(1 << 30), worker, lambda _: None)
    await send_stream(shard, shard, fetching(spec, opened, threads), outgoing)
    assert len(stored) < BATCH_BYTES, "comes in one batch"
    assert threads.count >= turns
    (parcel,) = worker.parcels
    assert parcel.task.place.oversize[0].length == size  # type: ignore[union-attr]
    threads.count = 0
    await sample(shard, fetching(spec, opened, threads))
    assert threads.count >= turns
    threads.count = 0
    streamed = await send_stream(shard, shard, fetching(replace(spec, framing=RowGroups()), opened, threads), outgoing)
    assert isinstance(streamed.tasks, SpoolFile)
    assert streamed.tasks.size == size
    assert threads.count >= turns
    streamed.tasks.close()
