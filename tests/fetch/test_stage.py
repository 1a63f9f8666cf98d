"""The fetch stage: from shards to tasks that read as the shards do."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import lzma
import os
import sys
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.codecs.reading import read_task
from pipeline.codecs.scan import LineScan, scan_lines
from pipeline.codecs.whole import cutter_of
from pipeline.errors import CorruptInput, InputMissing, InputRefused, TransientError
from pipeline.events import BytesFetched, Event, RetryScheduled, ShardFetched, ShardOpened, ShardSkipped
from pipeline.fetch.fetching import BATCH_BYTES, Begun, Fetching, FetchSpec
from pipeline.fetch.files import FileSource
from pipeline.fetch.http import HttpSource
from pipeline.fetch.outgoing import hold_bytes
from pipeline.fetch.patterns import is_url
from pipeline.fetch.retry import RetryPolicy
from pipeline.fetch.sample import sample
from pipeline.fetch.stage import fetch
from pipeline.model import ChunkBytes, Lines, Parcel, Range, RowGroups, Rows, Shard, Span, Stored, Task, Whole
from pipeline.protocols import Opened
from pipeline.testing.server import Cut, Gate, Ok, Reset, Server, Status
from pipeline.testing.sources import open_descriptors, settled

CSV = b"id,text\r\n" + b"".join(b'%d,"line\none ""%d"""\r\n' % (n, n * n) for n in range(300))
TSV = b"".join(b"q_NOUN\t%d\t%d\n" % (n, n * 7919) for n in range(500))


class CountingBudget:
    """Verified by its own bound: grants in order, never more than the limit, and everything must come back."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self.most = 0
        self._freed = asyncio.Condition()

    async def acquire(self, nbytes: int) -> None:
        assert nbytes > 0
        if nbytes > self.limit:
            raise ValueError("would wait for ever")
        async with self._freed:
            await self._freed.wait_for(lambda: self.held + nbytes <= self.limit)
            self.held += nbytes
            self.most = max(self.most, self.held)

    def release(self, nbytes: int) -> None:
        assert 0 < nbytes <= self.held
        self.held -= nbytes
        self._tell = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._freed:
            self._freed.notify_all()


class Reader:
    """The receiving end: reads each task as a worker does, then lets go of its parcel."""

    def __init__(self, spec: FetchSpec, *, held_back: int = 0) -> None:
        self.spec = spec
        self.tasks: list[Task] = []
        self.chunks: list[ChunkBytes] = []
        self._held_back = held_back
        self._waiting: list[Parcel] = []

    async def send(self, parcel: Parcel) -> None:
        await asyncio.sleep(0)
        self.tasks.append(parcel.task)
        self._waiting.append(parcel)
        while len(self._waiting) > self._held_back:
            self._work(self._waiting.pop(0))

    def finish(self) -> None:
        while self._waiting:
            self._work(self._waiting.pop(0))

    def _work(self, parcel: Parcel) -> None:
        spec = self.spec
        try:
            if not isinstance(parcel.task.place, Rows):
                found = read_task(parcel.task, spec.framing, spec.chunk_bytes, spec.compression, spec.encoding)
                self.chunks += [chunk for chunk in found if isinstance(chunk, ChunkBytes)]
        finally:
            parcel.release()


@dataclass
class Run:
    """One run of the stage over what a test has put somewhere."""

    spec: FetchSpec
    threads: ThreadPoolExecutor
    opened: Callable[[Shard], AbstractAsyncContextManager[Opened]] | None = None
    events: list[Event] = field(default_factory=list)
    scans: int = 0
    largest_row_group: int = 1000
    most_held: int = 0
    begun: Begun | None = None
    began: list[Shard] = field(default_factory=list)
    ended: list[tuple[Shard, int]] = field(default_factory=list)
    skipped: list[tuple[Shard, str]] = field(default_factory=list)

    async def __call__(self, shards: Iterable[Shard], *, budget: int | None = None, held_back: int = 0) -> Reader:
        largest = max(self.spec.chunk_bytes, self.begun.chunk_bytes if self.begun else 0)
        limits = CountingBudget(budget or hold_bytes(self.spec.framing, largest) * (held_back + 1))
        begun = self.begun or Begun(self.spec.chunk_bytes)
        reader = Reader(replace(self.spec, chunk_bytes=begun.chunk_bytes), held_back=held_back)
        async with self.fetching() as fetching:
            try:
                await fetch(shards, fetching, limits, reader)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
            finally:
                self.most_held = limits.most
                reader.finish()
                assert limits.held == 0, "what was held was not given back"
                assert not memory_files(), "a memory file was left open"
        return reader

    @asynccontextmanager
    async def fetching(self) -> AsyncIterator[Fetching]:
        async with AsyncExitStack() as stack:
            source = HttpSource([], headers={}, timeout_s=5, concurrency=8, per_host=8)
            urls = await stack.enter_async_context(source)
            files = FileSource([], threads=self.threads, emit=self.events.append)

            def open_one(shard: Shard) -> AbstractAsyncContextManager[Opened]:
                return urls.open(shard) if is_url(shard.location) else files.open(shard)

            opened = self.opened or open_one
            yield Fetching(
                self.spec,
                opened,
                self._scan,
                self._row_groups,
                self.threads,
                self.events.append,
                self._begin,
                self._end,
                self._skip,
            )

    def _begin(self, shard: Shard) -> Begun:
        self.began.append(shard)
        return self.begun or Begun(self.spec.chunk_bytes)

    def _end(self, shard: Shard, tasks: int) -> None:
        self.ended.append((shard, tasks))

    async def _skip(self, shard: Shard, reason: str) -> None:
        self.skipped.append((shard, reason))

    async def _scan(self, path: str, chunk_bytes: int, first: int, chunks: int) -> LineScan:
        self.scans += 1
        framing = self.spec.framing
        assert isinstance(framing, Lines)
        return scan_lines(path, framing.quote, chunk_bytes, first, chunks, self.spec.count_lines)

    async def _row_groups(self, path: str) -> Sequence[tuple[int, int]]:
        with open(path, "rb") as file:  # noqa: ASYNC230 - four bytes
            assert file.read(4) == b"PAR1"
        return ((10, 1000), (20, self.largest_row_group), (5, 1000))


def memory_files() -> list[str]:
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return [str(link) for link in links if link.is_symlink() and "memfd:pipeline" in str(link.readlink())]


@pytest.fixture
def run(tmp_path: Path) -> Iterable[Run]:
    (tmp_path / "work").mkdir()
    before = set(threading.enumerate())
    with ThreadPoolExecutor(3) as threads:
        retry = RetryPolicy(retries=3, first_s=0.0)
        yield Run(FetchSpec(Lines(quote='"', header=True), 1000, str(tmp_path / "work"), retry=retry), threads)
    assert not list((tmp_path / "work").iterdir()), "a spooled file was left"
    assert set(threading.enumerate()) <= before


async def local(run: Run, *paths: Path) -> list[Shard]:
    source = FileSource([str(path) for path in paths], threads=run.threads, emit=run.events.append)
    return [shard async for shard in source.list()]


def whole(body: bytes, spec: FetchSpec) -> list[tuple[int, bytes, int, bytes | None]]:
    assert not isinstance(spec.framing, RowGroups)
    cutter = cutter_of(spec.framing, spec.chunk_bytes)
    return [(cut.number, cut.data, cut.first_byte, cutter.header) for cut in cutter.feed(body) + cutter.finish()]


def found(reader: Reader) -> list[tuple[int, bytes, int, bytes | None]]:
    ordered = sorted(reader.chunks, key=lambda chunk: chunk.id)
    return [(chunk.id.number, chunk.data, chunk.first_byte, chunk.header) for chunk in ordered]


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda raw: raw,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("chunk_bytes", [100, 1000, 5000, 1 << 20])
@pytest.mark.parametrize("remote", [False, True])
async def test_every_way_to_the_worker_gives_the_same_chunks(
    tmp_path: Path, run: Run, suffix: str, chunk_bytes: int, remote: bool
) -> None:
    """Laws 1 and 2, over the stage: local or remote, compressed or not, smaller or larger than a chunk."""
    run.spec = replace(run.spec, chunk_bytes=chunk_bytes)
    body = COMPRESS[suffix](CSV)
    if remote:
        async with Server({f"/a{suffix}": body}) as server:
            reader = await run([Shard((0,), "a", server.url(f"/a{suffix}"))])
    else:
        (tmp_path / f"a{suffix}").write_bytes(body)
        reader = await run(await local(run, tmp_path / f"a{suffix}"))
    assert found(reader) == whole(CSV, run.spec)
    assert run.events[0] == ShardOpened((0,), reader.tasks[0].shard.name)
    assert run.events[-1] == ShardFetched((0,), reader.tasks[0].shard.name, len(reader.tasks))
    fetched = sum(event.count for event in run.events if isinstance(event, BytesFetched))
    assert fetched == (len(body) if remote or {type(task.place) for task in reader.tasks} == {Span} else 0)


async def test_the_way_is_chosen_by_what_the_shard_is(tmp_path: Path, run: Run) -> None:
    """Plain files by range, small compressed ones as stored, large ones cut here; one record always as stored."""
    noise = gzip.compress(b"".join(os.urandom(8).hex().encode() + b"\n" for _ in range(400)))
    for name, body, framing, kinds in [
        ("plain.csv", CSV, run.spec.framing, {Range}),
        ("small.gz", gzip.compress(CSV[:500]), run.spec.framing, {Stored}),
        ("large.gz", noise, run.spec.framing, {Span}),
        ("record.bin", CSV, Whole(), {Stored}),
        ("record.gz", noise, Whole(), {Stored}),
        ("empty.csv", b"", run.spec.framing, set()),
        ("empty.bin", b"", Whole(), set()),
        ("header.csv", b"a,b\n", run.spec.framing, {Range}),
    ]:
        (tmp_path / name).write_bytes(body)
        run.spec = replace(run.spec, framing=framing)
        reader = await run(await local(run, tmp_path / name))
        assert {type(task.place) for task in reader.tasks} == kinds, name


async def test_a_plain_file_is_scanned_only_where_it_must_be(tmp_path: Path, run: Run) -> None:
    """For quotes or line numbers, and more than one chunk, in windows; never for a header alone."""
    (tmp_path / "a.csv").write_bytes(CSV)
    for framing, chunk_bytes, count_lines, scans in [
        (Lines(header=True), 100, False, 0),
        (Lines(quote='"'), 1 << 20, True, 0),
        (Lines(quote='"'), 1000, False, 1),
        (Lines(), 1000, True, 1),
        (Lines(), 10, True, -(-len(CSV) // 2560)),
    ]:
        run.scans = 0
        run.spec = replace(run.spec, framing=framing, chunk_bytes=chunk_bytes, count_lines=count_lines)
        reader = await run(await local(run, tmp_path / "a.csv"))
        assert run.scans == scans
        assert found(reader) == whole(CSV, run.spec)


@pytest.mark.parametrize("name", ["a.csv", "a.gz"])
@pytest.mark.parametrize("chunk_bytes", [64, 700, 1 << 20])
async def test_lines_are_known_where_they_are_asked_for(tmp_path: Path, run: Run, name: str, chunk_bytes: int) -> None:
    """The first chunk of every task then knows its physical line."""
    (tmp_path / name).write_bytes(gzip.compress(CSV) if name.endswith("gz") else CSV)
    run.spec = replace(run.spec, chunk_bytes=chunk_bytes, count_lines=True)
    reader = await run(await local(run, tmp_path / name))
    lines = {chunk.id: chunk.first_line for chunk in reader.chunks}
    for task in reader.tasks:
        mine = [chunk for chunk in reader.chunks if chunk.id == task.id]
        assert all(lines[chunk.id] == CSV[: chunk.first_byte].count(b"\n") + 1 for chunk in mine)


async def test_members_of_an_archive_are_fetched_from_a_folder_and_from_a_server(tmp_path: Path, run: Run) -> None:
    """Small and large members, and one that is compressed itself; the copy from the server is removed. What is read is
    counted as it is stored, and once."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small.csv", CSV[:600])
        archive.writestr("large.csv", CSV)
        archive.writestr("packed.csv.gz", gzip.compress(CSV))
        packed = [info.compress_size for info in archive.infolist()]
    body = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "misnamed").write_bytes(body)
    expected = whole(CSV[:600], run.spec) + whole(CSV, run.spec) * 2
    async with Server({"/a.zip": body}) as server:
        for shards in (
            await local(run, tmp_path / "a.zip"),
            await local(run, tmp_path / "misnamed"),
            [Shard((0,), "http://x/a.zip", server.url("/a.zip"))],
        ):
            reader = await run(shards)
            assert found(reader) == expected
            orders = {task.shard.order: task.shard.name.rpartition("/")[2] for task in reader.tasks}
            assert orders == {(0, 0): "small.csv", (0, 1): "large.csv", (0, 2): "packed.csv.gz"}
            remote = is_url(shards[0].location)
            fetched = sum(event.count for event in run.events if isinstance(event, BytesFetched))
            fetched += sum(task.place.size for task in reader.tasks if isinstance(task.place, Stored) and not remote)
            assert fetched == (len(body) if remote else sum(packed))
            run.events.clear()


async def test_a_copy_that_failed_halfway_is_made_anew(tmp_path: Path, run: Run) -> None:
    """An archive cut on its way, a batch after its beginning: nothing of the first attempt is left (see `run`)."""
    rows = b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(20_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", rows)
    run.spec = replace(run.spec, framing=Lines(), chunk_bytes=1 << 22)
    async with Server(tmp_path) as server:
        server.script("/a.zip", Cut(1_500_000))
        reader = await run([Shard((0,), "a", server.url("/a.zip"))])
    assert found(reader) == whole(rows, run.spec)


async def test_an_archive_in_an_archive_is_refused(tmp_path: Path, run: Run) -> None:
    """Small or large: said, not read as data."""
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as archive:
        archive.writestr("a", CSV)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "inner.zip")
    for chunk_bytes in (1000, 1 << 20):
        run.spec = replace(run.spec, chunk_bytes=chunk_bytes)
        with pytest.raises(InputRefused, match=r"a\.zip/inner\.zip: is an archive inside an archive"):
            await run(await local(run, tmp_path / "a.zip"))


async def test_parquet_is_a_task_a_row_group(tmp_path: Path, run: Run) -> None:
    """Of a local file in place; from a server, an archive or compressed of a copy, which goes with its last task."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and so on")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(b"PAR1 and so on"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.parquet", "a.parquet")
    run.spec = replace(run.spec, framing=RowGroups())
    async with Server(tmp_path) as server:
        for shards in (
            await local(run, tmp_path / "a.parquet"),
            await local(run, tmp_path / "a.parquet.gz"),
            await local(run, tmp_path / "a.zip"),
            [Shard((0,), "a", server.url("/a.parquet"))],
            [Shard((0,), "a", server.url("/a.zip"))],
        ):
            reader = await run(shards, held_back=2)
            assert [(task.number, task.first_line) for task in reader.tasks] == [(0, 1), (1, 11), (2, 31)]
            assert all(isinstance(task.place, Rows) for task in reader.tasks)


@pytest.mark.parametrize(
    ("script", "requests", "retries"),
    [
        ([], 1, 0),
        ([Status(503), Status(429)], 3, 2),
        ([Cut(2000), Cut(30), Cut(2900)], 4, 3),
        ([Cut(2000, chunked=True), Ok(chunked=True)], 2, 1),
        ([Reset(), Reset()], 3, 1),  # aiohttp repeats a dropped request itself, once
    ],
)
@pytest.mark.parametrize("name", ["/a.csv", "/a.csv.gz"])
async def test_transient_failures_are_survived(
    run: Run, script: list[Status | Cut | Reset | Ok], requests: int, retries: int, name: str
) -> None:
    """The chunks are those of an undisturbed run, each sent once, with exactly so many requests."""
    noisy = b"id,x\n" + b"".join(b"%d,%s\n" % (n, os.urandom(8).hex().encode()) for n in range(300))
    body = gzip.compress(noisy) if name.endswith(".gz") else noisy
    async with Server({name: body}) as server:
        server.script(name, *script)
        reader = await run([Shard((0,), "a", server.url(name))])
        assert found(reader) == whole(noisy, run.spec)
        assert len(server.requests) == requests
    assert len({task.id for task in reader.tasks}) == len(reader.tasks)
    assert [event.attempt for event in run.events if isinstance(event, RetryScheduled)] == [*range(1, retries + 1)]


async def test_an_attempt_that_sent_nothing_leaves_no_trace(run: Run) -> None:
    """What came before the failure is forgotten: a newer version of the shard is as good."""
    run.spec = replace(run.spec, framing=Lines())
    async with Server({"/a": b"0,old\n" * 900}) as server:
        server.script("/a", Cut(4000), Ok(body=b"0,new\n" * 700))
        reader = await run([Shard((0,), "a", server.url("/a"))])
        assert found(reader) == whole(b"0,new\n" * 700, run.spec)


async def test_a_chunk_that_was_sent_must_come_out_the_same(run: Run) -> None:
    """Never a mixture: where a chunk that was sent differs, or is not there any more, the run ends."""
    run.spec = replace(run.spec, framing=Lines(), chunk_bytes=1 << 20)
    old = b"".join(b"%07d\n" % n for n in range(400_000))
    versions = {
        "the same": old,
        "a byte differs in what was sent": old[:99] + b"X" + old[100:],
        "a byte differs in what was not": old[:3_000_000] + b"X" + old[3_000_001:],
        "shorter than what was sent": old[:1_000_000],
        "ends where a chunk ended that was sent": old[: 1 << 20],
        "gone": None,
    }
    for name, new in versions.items():
        bodies: list[bytes | None] = [old, new]

        @asynccontextmanager
        async def opened(shard: Shard, bodies: list[bytes | None] = bodies) -> AsyncIterator[Opened]:
            body = bodies.pop(0)
            if body is None:
                raise InputMissing("a: 404")

            async def pieces(body: bytes = body, breaks: bool = len(bodies) == 1) -> AsyncIterator[bytes]:
                for start in range(0, len(body), 400_000):
                    if breaks and start > 2_500_000:
                        raise TransientError("a: reset")
                    yield body[start : start + 400_000]

            yield Opened(None, pieces())

        run.opened = opened
        if name in {"the same", "a byte differs in what was not"}:
            assert new is not None
            assert found(await run([Shard((0,), "a", "http://h/a")])) == whole(new, run.spec)
        else:
            with pytest.raises(InputRefused, match=r"changed while it was fetched|after part of it had come"):
                await run([Shard((0,), "a", "http://h/a")])


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("size", [3_000, 400_000])
async def test_a_cut_body_is_found_wherever_it_is_inflated(tmp_path: Path, run: Run, size: int, remote: bool) -> None:
    """In a worker or here: CorruptInput, with the shard's name and the byte."""
    body = gzip.compress(b"".join(b"%d,%s\n" % (n, os.urandom(8).hex().encode()) for n in range(size // 16)))[:-9]
    run.spec = replace(run.spec, chunk_bytes=1 << 14)
    (tmp_path / "a.gz").write_bytes(body)
    async with Server(tmp_path) as server:
        shards = [Shard((0,), "a.gz", server.url("/a.gz"))] if remote else await local(run, tmp_path / "a.gz")
        with pytest.raises(CorruptInput, match=rf"a\.gz: the gzip data is cut: it ends at byte {len(body):,}"):
            await run(shards)


async def test_a_shard_that_is_gone_follows_the_policy(tmp_path: Path, run: Run) -> None:
    """fail: InputMissing. skip: told of, the others are fetched; what is left out neither begins nor ends."""
    (tmp_path / "a.csv").write_bytes(CSV)
    async with Server({}) as server:
        shards = [Shard((0,), "gone", server.url("/gone")), *await local(run, tmp_path / "a.csv")]
        with pytest.raises(InputMissing, match="gone: the server said 404"):
            await run(shards)
        run.spec = replace(run.spec, on_missing="skip")
        reader = await run(shards)
    assert found(reader) == whole(CSV, run.spec)
    assert ShardSkipped("gone", "the server said 404 Not Found") in run.events
    assert run.skipped == [(shards[0], "the server said 404 Not Found")]
    assert {shard for shard, _ in run.ended} | set(run.began) == {shards[1]}


async def test_a_shard_that_goes_halfway_is_an_error(tmp_path: Path, run: Run) -> None:
    """Part of it is on its way to the result: that is no shard to be skipped, whatever the policy."""
    (tmp_path / "a.csv").write_bytes(b"x\n" * 2000)
    shards = [replace(shard, optional=True) for shard in await local(run, tmp_path / "a.csv")]
    scan = run._scan

    async def scan_and_lose(path: str, chunk_bytes: int, first: int, chunks: int) -> LineScan:
        if first:
            Path(path).unlink()
        return await scan(path, chunk_bytes, first, chunks)

    run._scan = scan_and_lose  # type: ignore[method-assign]
    run.spec = replace(run.spec, chunk_bytes=10, on_missing="skip")
    with pytest.raises(InputRefused, match="after part of it had been read"):
        await run(shards)
    assert not run.skipped


async def test_a_local_file_that_changed_is_refused(tmp_path: Path, run: Run) -> None:
    """Since its listing: never a mixture of two versions."""
    (tmp_path / "a.csv").write_bytes(CSV)
    shards = await local(run, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes(CSV[:-9])
    with pytest.raises(InputRefused, match="changed while it was read"):
        await run(shards)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
async def test_the_budget_is_kept_and_given_back(tmp_path: Path, run: Run, data: st.DataObject) -> None:
    """Law 6: any mixture of shards, a slow receiver, a budget as small as one chunk: never more is held than there
    is, all of it comes back, and nothing waits for ever."""
    chunk_bytes = data.draw(st.sampled_from([100, 1000, 4000]))
    run.spec = replace(run.spec, chunk_bytes=chunk_bytes, framing=Lines('"', header=True, max_record_bytes=300))
    kinds = data.draw(st.lists(st.sampled_from([*COMPRESS]), min_size=1, max_size=4))
    held_back = data.draw(st.integers(0, 3))
    expected: list[bytes] = []
    async with Server(tmp_path) as server:
        shards = []
        for number, kind in enumerate(kinds):
            body = CSV[: data.draw(st.integers(0, len(CSV)))]
            (tmp_path / f"{number}.csv{kind}").write_bytes(COMPRESS[kind](body))
            (shard,) = await local(run, tmp_path / f"{number}.csv{kind}")
            if data.draw(st.booleans()):
                shard = Shard((0,), shard.name, server.url(f"/{number}.csv{kind}"))
            shards.append(replace(shard, order=(number,)))
            expected += [chunk for _, chunk, _, _ in whole(body, run.spec)]
        async with asyncio.timeout(20):
            reader = await run(shards, held_back=held_back)
    assert [chunk for _, chunk, _, _ in found(reader)] == expected


async def test_no_more_shards_are_open_than_allowed(run: Run) -> None:
    """`concurrency` bounds the transfers."""
    run.spec = replace(run.spec, concurrency=3)
    bodies = {f"/{n}": CSV for n in range(12)}
    async with Server(bodies) as server:
        await run([Shard((n,), str(n), server.url(f"/{n}")) for n in range(12)], held_back=20)
        assert server.most_open <= 3
        assert sorted(server.paths()) == sorted(bodies)


class Full:
    """A receiver that takes one parcel and then no more."""

    def __init__(self) -> None:
        self.taken: list[Parcel] = []
        self.began = asyncio.Event()
        self.blocked = asyncio.Event()

    async def send(self, parcel: Parcel) -> None:
        if self.taken:
            self.blocked.set()
            await asyncio.Event().wait()
        self.taken.append(parcel)
        self.began.set()


@pytest.mark.parametrize("which", ["cut here", "stored", "archive", "in the middle of a body", "all"])
@pytest.mark.parametrize("moment", ["receiver full", "budget used up", 0, 1, 3, 10, 30, 100, 300])
async def test_cancelling_leaves_nothing(tmp_path: Path, run: Run, which: str, moment: str | int) -> None:
    """Cancelled at any moment: no file, connection or thread is left, and of the budget what the parcel holds that
    the receiver has taken."""
    rows = b"".join(os.urandom(30).hex().encode() + b"\n" for _ in range(400))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(rows))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("c.csv", CSV)
        archive.writestr("d.csv", CSV)
    run.spec = replace(run.spec, framing=Lines(max_record_bytes=1000), chunk_bytes=1000)
    async with Server(
        {"/gz": gzip.compress(TSV[:800]), "/b.zip": (tmp_path / "b.zip").read_bytes(), "/a": TSV}
    ) as server:
        kinds = {
            "cut here": await local(run, tmp_path / "a.csv.gz"),
            "stored": [Shard((n,), "gz", server.url("/gz")) for n in (1, 2, 3)],
            "archive": [Shard((4,), "b", server.url("/b.zip"))],
            "in the middle of a body": [Shard((5,), "a", server.url("/a"))],
        }
        gate = Gate(1000, asyncio.Event(), asyncio.Event())
        server.script("/a", gate)
        before = open_descriptors()
        async with run.fetching() as fetching:
            budget, full = CountingBudget(4000 if moment == "budget used up" else 12_000), Full()
            shards = kinds.get(which, [shard for some in kinds.values() for shard in some])
            task = asyncio.create_task(fetch(shards, fetching, budget, full))
            if isinstance(moment, int):
                for _ in range(moment):
                    await asyncio.sleep(0)
            elif which == "in the middle of a body":
                await gate.reached.wait()
            elif moment == "receiver full":
                await full.blocked.wait()
            else:
                await full.began.wait()
                await settled()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert bool(budget.held) == bool(full.taken)
            for parcel in full.taken:
                parcel.release()
            assert budget.held == 0
        gate.opened.set()
        await settled()
        assert open_descriptors() <= before


NOISE = b"id,x\n" + b"".join(b"%04d,%s\n" % (n, (b"%d" % n**9).rjust(23, b"0")[::-1]) for n in range(300))

WAYS = {
    "plain": ("a.csv", NOISE, False),
    "a large gz": ("a.csv.gz", gzip.compress(NOISE), False),
    "a stored small gz": ("a.csv.gz", gzip.compress(NOISE[:1200]), False),
    "a stream": ("a.csv", NOISE, True),
    "a gz stream": ("a.csv.gz", gzip.compress(NOISE), True),
    "a small body": ("a.csv", NOISE[:900], True),
}


@pytest.mark.parametrize("done", [{0}, {1, 2}, {0, 1, 3}, {3, 6}, set(range(9)), set(range(8)), set(range(1, 9))])
@pytest.mark.parametrize("way", WAYS)
async def test_tasks_that_are_done_are_not_sent_again(tmp_path: Path, run: Run, way: str, done: set[int]) -> None:
    """(done, way) -> exactly the other tasks, as an undisturbed run sends them; the number of all is told at the end.
    The chunk size is the one the shard was begun with, whatever it is now."""
    name, body, remote = WAYS[way]
    (tmp_path / name).write_bytes(body)
    async with Server(tmp_path) as server:
        server.headers[f"/{name}"] = {"ETag": '"1"'}
        shards = [Shard((0,), "a", server.url(f"/{name}"))] if remote else await local(run, tmp_path / name)
        undisturbed = await run(shards)
        for now in (run.spec.chunk_bytes, 300, 5000):
            run.begun = Begun(run.spec.chunk_bytes, frozenset(done))
            run.spec, before = replace(run.spec, chunk_bytes=now), run.spec
            run.events, run.ended = [], []
            reader = await run(shards)
            run.spec = before
            versioned = replace(shards[0], version='etag "1"' if remote else shards[0].version)
            assert [task.number for task in reader.tasks] == [
                task.number for task in undisturbed.tasks if task.number not in done
            ]
            assert all(task.shard == versioned for task in reader.tasks)
            assert found(reader) == [
                chunk
                for chunk in found(undisturbed)
                if chunk[0] in {number for task in reader.tasks for number in range(task.number, task.number + 99)}
                and (len(undisturbed.tasks) == 1 or chunk[0] not in done)
            ]
            assert run.ended == [(versioned, len(undisturbed.tasks))]
            assert run.events[-1] == ShardFetched((0,), shards[0].name, len(undisturbed.tasks))
            assert set(run.began) <= {versioned}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("begun", [300, 1000, 1600])
async def test_a_chunk_is_held_as_large_as_it_was_begun(tmp_path: Path, run: Run, way: str, begun: int) -> None:
    """Law 6: what its size would be now may be too little."""
    name, body, remote = WAYS[way]
    (tmp_path / name).write_bytes(body)
    run.spec = replace(run.spec, framing=Lines(header=True, max_record_bytes=99), chunk_bytes=300)
    run.begun = Begun(begun)
    async with Server(tmp_path) as server:
        await run([Shard((0,), "a", server.url(f"/{name}"))] if remote else await local(run, tmp_path / name))
    assert run.most_held == 4 * begun


async def test_what_is_done_of_a_plain_file_is_not_read(tmp_path: Path, run: Run) -> None:
    """Nothing is looked for behind the last task that is not done; with none left, not even the header."""
    (tmp_path / "a.csv").write_bytes(NOISE)
    shards = await local(run, tmp_path / "a.csv")
    for done, scans in [(set(range(9)), 0), (set(range(1, 9)), 0), (set(range(5)), 1)]:
        run.begun, run.scans = Begun(1000, frozenset(done)), 0
        reader = await run(shards)
        assert [task.number for task in reader.tasks] == sorted(set(range(9)) - done)
        assert run.scans == scans


@pytest.mark.parametrize("where", ["folder", "misnamed", "server"])
async def test_members_begin_and_their_archive_ends(tmp_path: Path, run: Run, where: str) -> None:
    """Each has tasks that are done. What was given is what ends: members of a listing, or an archive with the sum, so
    that one whose last members have not come never looks whole."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small.csv", NOISE[:600])
        archive.writestr("large.csv", NOISE)
    (tmp_path / "misnamed").write_bytes((tmp_path / "a.zip").read_bytes())
    run.begun = Begun(1000, frozenset({0, 2, 4}))
    async with Server(tmp_path) as server:
        server.headers["/a.zip"] = {"Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT"}
        shards = (
            [Shard((0,), "a", server.url("/a.zip"))]
            if where == "server"
            else await local(run, tmp_path / ("a.zip" if where == "folder" else where))
        )
        reader = await run(shards)
    version = "modified Mon, 23 Nov 2020 10:00:00 GMT" if where == "server" else shards[0].version
    large = len(whole(NOISE, run.spec))
    assert [task.id.number for task in reader.tasks] == sorted(set(range(large)) - {0, 2, 4})
    ends = [((0, 0), 1), ((0, 1), large)] if where == "folder" else [((0,), 1 + large)]
    assert sorted((shard.order, tasks) for shard, tasks in run.ended) == ends
    assert {shard.order for shard in run.began} == {(0, 0), (0, 1)} | {order for order, _ in ends}
    assert {shard.version for shard in run.began} == {shard.version for shard, _ in run.ended} == {version}
    assert {task.shard.version for task in reader.tasks} == {version}


@pytest.mark.parametrize("remote", [False, True])
async def test_row_groups_that_are_done_are_not_sent_again(tmp_path: Path, run: Run, remote: bool) -> None:
    """(done, groups) -> the others, on their lines; a copy of a file from a server goes all the same."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and so on")
    run.spec = replace(run.spec, framing=RowGroups())
    async with Server(tmp_path) as server:
        shards = [Shard((0,), "a", server.url("/a.parquet"))] if remote else await local(run, tmp_path / "a.parquet")
        for done, sent in [({0}, [(1, 11), (2, 31)]), ({1}, [(0, 1), (2, 31)]), ({0, 1, 2}, [])]:
            run.begun, run.ended = Begun(1000, frozenset(done)), []
            reader = await run(shards, held_back=2)
            assert [(task.number, task.first_line) for task in reader.tasks] == sent
            assert [tasks for _, tasks in run.ended] == [3]


@pytest.mark.parametrize(("rows", "began"), [(100, ["old", "new"]), (BATCH_BYTES // 6 + 1, ["old"])])
async def test_an_attempt_begins_with_the_version_that_came(run: Run, rows: int, began: list[str]) -> None:
    """While no chunk has come a newer version is as good, and is told. After that it is refused, though the bytes so
    far are the same: what is done of one version is not done of the other."""
    run.spec = replace(run.spec, framing=Lines(), chunk_bytes=1 << 18)
    versions = ["old", "new"]

    @asynccontextmanager
    async def opened(_: Shard) -> AsyncIterator[Opened]:
        version = versions.pop(0)

        async def pieces() -> AsyncIterator[bytes]:
            yield b"0,row\n" * rows
            if version == "old":
                raise TransientError("a: reset")

        yield Opened(version, pieces())

    run.opened = opened
    with nullcontext() if "new" in began else pytest.raises(InputRefused, match="a: changed while it was fetched"):
        reader = await run([Shard((0,), "a", "http://h/a")])
        assert {task.shard.version for task in reader.tasks} == {"new"}
        assert run.ended == [(reader.tasks[0].shard, 1)]
    assert [shard.version for shard in run.began] == began


async def test_a_sample_is_the_first_megabyte_of_whole_records(tmp_path: Path, run: Run) -> None:
    """Local, remote, compressed, in an archive: the same records, the header apart, no more read than needed."""
    body = b"id,text\n" + b"".join(b"%09d,%s\n" % (n, b"x" * 40) for n in range(60_000))
    (tmp_path / "a.csv").write_bytes(body)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(body))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", body)
    async with Server(tmp_path) as server:
        server.script("/a.csv", Status(503))
        shards = [
            *await local(run, tmp_path / "a.csv"),
            *await local(run, tmp_path / "a.csv.gz"),
            *await local(run, tmp_path / "a.zip"),
            Shard((0,), "a", server.url("/a.csv")),
            Shard((0,), "a", server.url("/a.zip")),
        ]
        async with run.fetching() as fetching:
            for shard in shards:
                got = await sample(shard, fetching)
                assert isinstance(got, ChunkBytes)
                assert got.header == b"id,text"
                assert got.data == body[8 : body.index(b"\n", (1 << 20) - 1) + 1]


async def test_a_row_group_larger_than_the_memory_is_refused(tmp_path: Path, run: Run) -> None:
    """Law 6: it is held as large as it is, and one that does not fit says so instead of waiting for ever."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and so on")
    run.spec = replace(run.spec, framing=RowGroups())
    run.largest_row_group = 1 << 40
    with pytest.raises(InputRefused, match=r"a\.parquet: row group 1 has 1,099,511,627,776 bytes"):
        await run(await local(run, tmp_path / "a.parquet"), held_back=2)


async def test_a_sample_of_what_is_small_or_is_parquet(tmp_path: Path, run: Run) -> None:
    """An empty shard gives an empty sample; parquet gives a path, of a copy where it is not a local file."""
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    async with Server(tmp_path) as server, run.fetching() as fetching:
        got = await sample((await local(run, tmp_path / "empty.csv"))[0], fetching)
        assert isinstance(got, ChunkBytes)
        assert (got.data, got.header) == (b"", None)
        parquet = replace(fetching, spec=replace(run.spec, framing=RowGroups()))
        assert await sample((await local(run, tmp_path / "a.parquet"))[0], parquet) == f"{tmp_path}/a.parquet"
        copy = await sample(Shard((0,), "a", server.url("/a.parquet")), parquet)
        assert isinstance(copy, str)
        (left,) = (tmp_path / "work").iterdir()
        assert (str(left), left.read_bytes()) == (copy, b"PAR1")
        left.unlink()


async def test_local_jobs_do_not_load_the_network() -> None:
    """aiohttp costs a third of a second: only a URL pays for it."""
    code = (
        "import sys, pipeline.fetch.stage, pipeline.fetch.http, pipeline.fetch.files, pipeline.fetch.sample;"
        "print(sorted({'aiohttp', 'yarl', 'polars', 'pyarrow', 'numpy', 'aiofiles'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
