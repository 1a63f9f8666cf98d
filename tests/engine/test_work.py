"""What is left to do: every input has its row and its place, and only what is left enters the stages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engine.work import Work, work_of
from pipeline.journal import Begin, Died, Done, Ended, Journal, sort_key
from pipeline.model import ChunkId, Job, Shard
from pipeline.testing.nouns import CSV, NDJSON, aggregating_job, outcome_of, rowwise_job, shard_of, slice_files
from pipeline.testing.plans import plan_of

JOB = aggregating_job()
A, B = shard_of(0), shard_of(1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    (tmp_path / "parts").mkdir()
    journal = Journal(str(tmp_path / "journal.sqlite"))
    yield journal
    journal.close()


def planned(journal: Journal, *shards: Shard, job: Job = JOB, memory: str = "512MB") -> Work:
    return work_of(plan_of(job, shards, journal, memory=memory), journal)


def finish(journal: Journal, work: Work, tasks: int = 2) -> None:
    """All tasks of all that is left, done."""
    for order, entry in work.entries.items():
        journal.apply([Begin(entry.id, "v1", entry.chunk_bytes)])
        journal.apply([Done(entry.id, "", outcome_of(order, number)) for number in range(tasks)])
        journal.apply([Ended(entry.id, tasks)])


def test_everything_is_new_at_first_and_nothing_after_that(journal: Journal) -> None:
    """The second run of a finished job has no work."""
    first = planned(journal, A, B)
    assert first.shards == (A, B)
    assert first.bytes_stored == 20
    finish(journal, first)
    second = planned(journal, A, B)
    assert (second.shards, second.entries, second.same) == ((), {}, 2)


def test_only_the_changed_and_the_new_are_worked_on(journal: Journal) -> None:
    """One of three has changed, one is new, one has gone: the places are those of now."""
    finish(journal, planned(journal, A, B))
    changed, new = shard_of(2, version="v2", name=B.name), shard_of(0, name="in/before.csv")
    moved = shard_of(1, name=A.name)
    work = planned(journal, new, moved, changed, shard_of(3))
    assert [shard.name for shard in work.shards] == [new.name, changed.name, shard_of(3).name]
    assert work.same == 1
    assert [name for _, _, name in journal.positions()] == [new.name, A.name, changed.name, shard_of(3).name]
    assert planned(journal, B).same == 1  # the old version is still there until the run has ended


def test_an_unfinished_shard_goes_on_where_it_was(journal: Journal) -> None:
    """What is settled, how often the rest has died, and its chunk size."""
    (entry,) = planned(journal, A).entries.values()
    journal.apply([Done(entry.id, "", outcome_of((0,), 1)), Ended(entry.id, 4)])
    for number, deaths in [(2, 3), (3, 1)]:
        poison = deaths == 3
        journal.apply([Died(entry.id, "", ChunkId((0,), number), deaths, poison, "killed", "a")])
    (found,) = planned(journal, A, job=aggregating_job(chunk_bytes=999)).entries.values()
    assert (found.id, found.version, found.chunk_bytes) == (entry.id, "v1", 100)
    assert found.settled == {("", 1), ("", 2)}
    assert found.deaths == {("", 3): 1}


def test_a_chunk_size_that_the_budget_has_no_room_for_begins_anew(journal: Journal) -> None:
    """A smaller run.memory must not make a job impossible to finish."""
    (entry,) = planned(journal, A, job=aggregating_job(chunk_bytes=64 << 20)).entries.values()
    journal.apply([Done(entry.id, "", outcome_of((0,), 1))])
    (found,) = planned(journal, A, job=aggregating_job(chunk_bytes=1 << 20), memory="128MB").entries.values()
    assert (found.id, found.version, found.chunk_bytes) == (entry.id, None, 1 << 20)
    assert found.settled == frozenset()


def test_an_input_listed_twice_is_worked_on_once(journal: Journal) -> None:
    """It has two places in the result and one row of work."""
    twin = shard_of(1, name=A.name)
    work = planned(journal, A, twin)
    assert work.shards == (A,)
    ids = {shard for _, shard, _ in journal.positions()}
    assert len(journal.positions()) == 2
    assert ids == {work.entries[0,].id}


def test_an_input_without_a_version_is_always_worked_on(journal: Journal) -> None:
    """A server that tells no version: nothing proves that it is what it was."""
    for _ in range(2):
        (entry,) = planned(journal, shard_of(0, version=None)).entries.values()
        assert entry.version is None
        journal.apply([Begin(entry.id, None, 100), Done(entry.id, "", outcome_of((0,), 0)), Ended(entry.id, 1)])


def test_a_sink_added_later_needs_every_chunk_again(journal: Journal, tmp_path: Path) -> None:
    """Its segments are made from the bytes; a sink taken away needs nothing."""
    job = rowwise_job(CSV)
    (entry,) = planned(journal, A, job=job).entries.values()
    rows = slice_files(tmp_path / "parts" / "s", 0, [b"1\n"])
    journal.apply([Done(entry.id, "", outcome_of((0,), 0, slices=[rows]), ("csv/none",)), Ended(entry.id, 1)])
    assert planned(journal, A, job=job).shards == ()
    (found,) = planned(journal, A, job=rowwise_job(CSV, NDJSON)).entries.values()
    assert found.settled == frozenset()
    assert planned(journal, A, job=job).shards == ()


def test_another_recipe_has_work_of_its_own(journal: Journal) -> None:
    """A change of the job makes everything new; going back to it before the pruning finds it all again."""
    finish(journal, planned(journal, A))
    assert planned(journal, A, job=rowwise_job()).shards == (A,)
    assert planned(journal, A).shards == ()
    assert journal.positions() == [(sort_key((0,)), 1, A.name)]
