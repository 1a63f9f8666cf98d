"""The recorder: files, then the folder, then the journal; many tasks in one transaction; nothing after a failure."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
import pytest_asyncio

from pipeline.engine.recorder import EMBED_BYTES, Entry, Recorder
from pipeline.errors import InputRefused, OutputError
from pipeline.journal import Change, Done, Journal, find_damage, read_partials, read_rejects, read_segments, sort_key
from pipeline.model import TablePart
from pipeline.testing.nouns import outcome_of, part_file, shard_of, slice_files, task_of
from pipeline.testing.steps import StepDisk, Steps, fault


class Watched(Journal):
    """A journal that tells of each transaction, and can be held."""

    def __init__(self, path: str, steps: Steps) -> None:
        super().__init__(path)
        self.steps = steps
        self.batches: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def apply(self, changes: Iterable[Change]) -> None:
        changes = list(changes)
        assert self.go.wait(10)
        self.steps("journal")
        super().apply(changes)
        self.batches.append(len(changes))


class Bench:
    """A recorder over a real journal, with one shard of two chunks in it."""

    def __init__(self, folder: Path, thread: ThreadPoolExecutor) -> None:
        self.parts = folder / "parts"
        self.parts.mkdir()
        self.thread = thread
        self.steps = Steps()
        self.journal = Watched(str(folder / "journal.sqlite"), self.steps)
        self.shard = shard_of(0)
        (self.id,) = self.journal.add_shards("r", [("id", self.shard.name, self.shard.version, 100)])
        self.journal.place([(sort_key((0,)), self.id, self.shard.name)])
        self.entry = Entry(self.id, self.shard.version, 100)
        self.recorder = self.new()

    def new(self, *encodings: str) -> Recorder:
        return Recorder(
            self.journal,
            self.thread,
            self.parts,
            {(0,): self.entry},
            chunk_bytes=500,
            encodings=encodings,
            disk=StepDisk(self._step),
        )

    def _step(self, name: str) -> None:
        self.steps(name)  # which a test may set anew


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    with ThreadPoolExecutor(1) as thread:
        bench = Bench(tmp_path, thread)
        yield bench
        bench.recorder.close()
        bench.journal.close()


async def test_files_are_durable_before_the_journal_speaks_of_them(bench: Bench) -> None:
    """Law 4 over a power cut: the bytes, the folder with their names, then the row."""
    recorder = bench.new("csv")
    slices = [slice_files(bench.parts / "s", 0, [b"1\n"])]
    (bench.parts / "r").touch()
    rejects = str(bench.parts / "r")
    part = part_file(bench.parts / "p", bytes(EMBED_BYTES + 1))
    await recorder.record(outcome_of((0,), 0, parts=[part], slices=slices, rejects=rejects))
    recorder.close()
    assert bench.steps.names == ["sync file p", "sync file s.sink0", "sync file r", "sync folder parts", "journal"]


async def test_all_that_is_kept_has_its_checksum(bench: Bench) -> None:
    """Partials in files, moved into the journal and come in the outcome; every segment; the rejects: what a later run
    is to rely on, it must be able to check."""
    (bench.parts / "r").write_bytes(b"rejected")
    contents = [bytes(EMBED_BYTES + 1), bytes(EMBED_BYTES), b"small"]
    parts = [
        part_file(bench.parts / "p", contents[0], "a"),
        part_file(bench.parts / "q", contents[1], "b"),
        TablePart("c", 1, None, contents[2]),
    ]
    recorder = bench.new("csv", "ndjson")
    slices = [slice_files(bench.parts / f"s{number}", number, [b"1\n", b"{}\n"]) for number in (0, 1)]
    await recorder.record(outcome_of((0,), 0, parts=parts, slices=slices, rejects=str(bench.parts / "r")))
    await recorder.record(outcome_of((0,), 2, parts=parts[2:]))
    recorder.close()
    path = bench.journal.path
    assert [part.crc for kept in read_partials(path) for part in kept] == list(map(crc32, [*contents, contents[2]]))
    for encoding, content in (("csv", b"1\n"), ("ndjson", b"{}\n")):
        assert [segment.crc for _, segment in read_segments(path, encoding)] == [crc32(content)] * 2
    assert [file.crc for file in read_rejects(path)] == [crc32(b"rejected")]
    assert list(find_damage(path)) == []


async def test_a_task_without_files_costs_no_sync_of_its_own(bench: Bench) -> None:
    """Small partials lie in the row: one wait for the disk, that of the journal."""
    await bench.recorder.record(outcome_of((0,), 0))
    assert bench.steps.names == ["journal"]


async def test_a_small_partial_moves_into_the_journal(bench: Bench) -> None:
    """Its file goes, and is not waited for."""
    part = part_file(bench.parts / "p", bytes(EMBED_BYTES))
    await bench.recorder.record(outcome_of((0,), 0, parts=[part]))
    assert bench.steps.names == ["remove p", "journal"]
    assert not list(bench.parts.iterdir())
    assert [kept.inline for kept in next(read_partials(bench.journal.path))] == [bytes(EMBED_BYTES)]


async def test_tasks_that_come_together_share_a_transaction(bench: Bench) -> None:
    """While one transaction waits for the disk the next one fills."""
    bench.journal.go.clear()
    tasks = [asyncio.create_task(bench.recorder.record(outcome_of((0,), number))) for number in range(10)]
    await asyncio.sleep(0)
    bench.journal.go.set()
    await asyncio.gather(*tasks)
    assert sum(bench.journal.batches) == 10
    assert len(bench.journal.batches) <= 2


@pytest.mark.parametrize("at", ["sync file p", "sync folder parts", "journal"])
async def test_nothing_is_recorded_after_a_failure(bench: Bench, at: str) -> None:
    """A failed sync is never tried again: the task counts as not done, and if a transaction was lost with it, so does
    every later one."""

    def fail(name: str) -> None:
        if name == at:
            fault(name)

    bench.steps = bench.journal.steps = Steps(0, fail, for_ever=True)
    part = part_file(bench.parts / "p", bytes(EMBED_BYTES + 1))
    with pytest.raises((OutputError, OSError)):
        await bench.recorder.record(outcome_of((0,), 0, parts=[part]))
    assert bench.journal.sums()[0] == 0
    bench.steps = bench.journal.steps = Steps()
    if at != "sync file p":
        with pytest.raises((OutputError, OSError)):
            await bench.recorder.record(outcome_of((0,), 1))
        assert bench.journal.sums()[0] == 0


async def test_a_transaction_that_was_given_up_is_never_taken_for_durable(bench: Bench) -> None:
    """Cancelled in the middle of a flush: what was in its transaction is lost, so nothing later is acknowledged."""
    busy = bench.thread.submit(bench.journal.go.wait, 10)
    bench.journal.go.clear()
    bench.recorder.end(bench.shard, 2)
    first = asyncio.create_task(bench.recorder.record(outcome_of((0,), 0)))
    second = asyncio.create_task(bench.recorder.record(outcome_of((0,), 1)))
    for _ in range(5):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    bench.journal.go.set()
    await asyncio.wait([second])
    await asyncio.wrap_future(busy)
    assert first.cancelled()
    assert isinstance(second.exception(), RuntimeError)


async def test_a_shard_of_the_version_that_is_known_goes_on(bench: Bench) -> None:
    """What is done of it is not asked for again; it keeps the chunk size that it was begun with."""
    bench.entry.settled = frozenset({("", 1), (sort_key((2,)), 5)})
    begun = bench.recorder.begin(bench.shard)
    assert (begun.chunk_bytes, begun.done) == (100, frozenset({1}))
    assert bench.recorder.begin(shard_of(0, 2)).done == {5}
    assert bench.recorder.chunk_bytes(task_of(shard_of(0, 2), 0)) == 100
    await bench.recorder.flush()
    assert bench.journal.batches == []


async def test_a_shard_of_another_version_begins_anew(bench: Bench) -> None:
    """Its tasks, its deaths and its chunk size are those of other bytes."""
    bench.entry.settled = frozenset({("", 1)})
    bench.entry.deaths = {("", 0): 2}
    shard = replace(bench.shard, version="v2")
    begun = bench.recorder.begin(shard)
    assert (begun.chunk_bytes, begun.done) == (500, frozenset())
    assert bench.recorder.deaths(task_of(shard, 0)) == 0
    assert bench.recorder.begin(shard) == begun  # a second try
    await bench.recorder.flush()
    assert [(row.version, row.chunk_bytes) for row in bench.journal.shards("r")] == [("v2", 500)]


async def test_a_shard_that_changes_between_two_tries_is_refused(bench: Bench) -> None:
    """Chunks of two versions would be one result of neither."""
    bench.recorder.begin(replace(bench.shard, version="v2"))
    with pytest.raises(InputRefused, match="changed while it was fetched"):
        bench.recorder.begin(replace(bench.shard, version="v3"))


async def test_the_end_of_a_member_is_not_the_end_of_its_archive(bench: Bench) -> None:
    """An archive from a server is one input: killed between two members, it is not taken for whole."""
    first, second = shard_of(0, 0), shard_of(0, 1)
    bench.recorder.begin(bench.shard)
    bench.recorder.begin(first)
    bench.recorder.end(first, 1)
    await bench.recorder.record(outcome_of((0, 0), 0))
    assert bench.journal.unfinished() == [bench.shard.name]
    bench.recorder.begin(second)
    bench.recorder.end(second, 1)
    await bench.recorder.record(outcome_of((0, 1), 0))
    bench.recorder.end(bench.shard, 2)
    await bench.recorder.flush()
    assert bench.journal.unfinished() == []
    assert bench.journal.tasks_settled(bench.id, ()) == {(sort_key((0,)), 0), (sort_key((1,)), 0)}


async def test_deaths_are_kept_from_run_to_run(bench: Bench) -> None:
    """A chunk that kills the whole run as well is given up in the end: the count is in the journal before the next
    try."""
    task = task_of(bench.shard, 7)
    bench.entry.deaths = {("", 7): 1}
    assert bench.recorder.deaths(task) == 1
    await bench.recorder.died(task, "killed by signal 9", poison=False)
    assert bench.recorder.deaths(task) == 2
    assert bench.journal.deaths() == {(bench.id, "", 7): 2}
    await bench.recorder.died(task, "killed by signal 9", poison=True)
    assert [(chunk.place, chunk.deaths) for chunk in bench.journal.poison()] == [(f"{bench.shard.name}: chunk 7", 3)]


async def test_a_task_of_an_unknown_shard_is_a_fault_of_ours(bench: Bench) -> None:
    """It must not land in another shard's account."""
    with pytest.raises(KeyError):
        await bench.recorder.record(outcome_of((5,), 0))


def test_a_change_names_the_place_in_the_archive() -> None:
    """`Done.member` sorts as the members do."""
    done = Done(1, sort_key((10,)), outcome_of((0, 10), 0))
    assert done.member > sort_key((9,))
