"""The journal keeps what it was told, all of a transaction or nothing, and forgets what is void."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.journal import (
    Begin,
    Change,
    Died,
    Done,
    Ended,
    Journal,
    Output,
    Poison,
    read_partials,
    read_segments,
)
from pipeline.model import ChunkId, Segment, Slice, TablePart
from pipeline.testing.nouns import outcome_of


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return opened(tmp_path)


def opened(folder: Path) -> Journal:
    (folder / "parts").mkdir(exist_ok=True)
    return Journal(str(folder / "journal.sqlite"))


def add(journal: Journal, *names: str, version: str | None = "v1", recipe: str = "r") -> list[int]:
    """Shards in their positions, none of which has a task yet."""
    ids = journal.add_shards(recipe, [(f"id {name}", name, version, 100) for name in names])
    journal.place((f"{at:09d}", id, name) for at, (id, name) in enumerate(zip(ids, names, strict=True)))
    return ids


def done(shard: int, number: int, content: bytes = b"x") -> Done:
    return Done(shard, "", outcome_of((0,), number, parts=[TablePart("main", 1, None, content)]))


def rows(shard: int, number: int, encodings: tuple[str, ...], start: str = "a") -> Done:
    segments = tuple(Segment(f"/parts/{start}{number}.{index}", 1, 2) for index in range(len(encodings)))
    return Done(shard, "", outcome_of((0,), number, slices=[Slice(number, segments)]), encodings)


def poison(shard: int, number: int, deaths: int = 3, *, last: bool = True) -> Died:
    return Died(shard, "", ChunkId((0,), number), deaths, last, "killed by signal 9", f"a: chunk {number}")


def test_what_was_applied_is_there_after_a_crash(tmp_path: Path) -> None:
    """A journal that was never closed, as after kill -9, has every transaction that returned."""
    journal = opened(tmp_path)
    (shard,) = add(journal, "a")
    journal.apply([done(shard, 0), done(shard, 1), Ended(shard, 2)])
    again = opened(tmp_path)  # beside the first, which has let go of nothing
    assert again.unfinished() == []
    assert again.sums() == (2, 0, 2)
    assert again.settled("r", ()) == {shard: 2}
    again.close()
    journal.close()


def test_a_task_is_journaled_once(journal: Journal) -> None:
    """Law 4: the same chunk cannot count twice, and the transaction it came with leaves no trace."""
    (shard,) = add(journal, "a")
    journal.apply([done(shard, 0)])
    with pytest.raises(sqlite3.IntegrityError):
        journal.apply([done(shard, 1), done(shard, 0)])
    assert journal.sums() == (1, 0, 1)
    journal.close()


def test_a_task_done_again_for_a_new_sink_counts_once(journal: Journal) -> None:
    """A sink that was added later needs every chunk once more; the records are the same ones."""
    (shard,) = add(journal, "a")
    journal.apply([rows(shard, 0, ("csv",)), rows(shard, 1, ("csv",)), Ended(shard, 2)])
    assert journal.settled("r", ("csv",)) == {shard: 2}
    assert journal.settled("r", ("csv", "json")) == {shard: 0}
    journal.apply([rows(shard, 1, ("csv", "json"), "b")])
    assert journal.tasks_settled(shard, ("csv", "json")) == {("", 1)}
    assert journal.sums()[0] == 2
    assert [Path(segment.path).name for _, segment in read_segments(journal.path, "csv")] == ["a0.0", "b1.0"]
    assert journal.files() == {"a0.0", "b1.0", "b1.1"}
    journal.close()


def test_a_task_without_a_chunk_is_settled_for_every_sink(journal: Journal) -> None:
    """An empty stored shard has one task and no rows: no sink waits for them."""
    (shard,) = add(journal, "a")
    journal.apply([Done(shard, "", outcome_of((0,), 0, chunks=0, records=0), ("csv",)), Ended(shard, 1)])
    assert journal.settled("r", ("csv", "json")) == {shard: 1}
    journal.close()


@pytest.mark.parametrize(
    ("changes", "pending"),
    [
        ([], True),
        ([Ended(1, 0)], False),
        ([done(1, 0)], True),
        ([done(1, 0), Ended(1, 1)], False),
        ([Ended(1, 2), done(1, 0)], True),
        ([Ended(1, 2), done(1, 0), poison(1, 1)], False),
        ([Ended(1, 2), done(1, 0), poison(1, 1, 2, last=False)], True),
        ([Ended(1, 1), done(1, 0), Begin(1, "v2", 100)], True),
    ],
)
def test_a_shard_is_pending_until_all_its_tasks_are_settled(
    journal: Journal, changes: list[Change], pending: bool
) -> None:
    """Law 4: done or given up, every one of a number that is known."""
    add(journal, "a")
    journal.apply(changes)
    assert journal.unfinished() == (["a"] if pending else [])
    journal.close()


def test_a_death_is_forgotten_when_the_task_is_done(journal: Journal) -> None:
    """Two deaths and then an outcome: nobody is to blame, and the next run counts from none."""
    (shard,) = add(journal, "a")
    journal.apply([poison(shard, 0, 2, last=False)])
    assert journal.deaths() == {(shard, "", 0): 2}
    journal.apply([done(shard, 0), Ended(shard, 1)])
    assert journal.deaths() == {}
    assert journal.poison() == []
    journal.close()


def test_poison_is_kept_with_its_place_until_it_is_forgiven(journal: Journal) -> None:
    """It is settled, not tried again by itself, and named; `--retry-failed` tries it anew."""
    (shard,) = add(journal, "a")
    journal.apply([poison(shard, 0), Ended(shard, 1)])
    assert journal.poison() == [Poison("a: chunk 0", 3, "killed by signal 9")]
    assert journal.tasks_settled(shard, ()) == {("", 0)}
    journal.forgive()
    assert journal.poison() == []
    assert journal.unfinished() == ["a"]
    journal.close()


def test_a_task_that_becomes_poison_when_done_again_is_settled_once(journal: Journal) -> None:
    """Done for one sink, then given up when a second sink needs it: it counts as one task, not as two."""
    (shard,) = add(journal, "a")
    journal.apply([rows(shard, 0, ("csv",)), Ended(shard, 1)])
    journal.apply([poison(shard, 0)])
    assert journal.unfinished() == []
    assert journal.settled("r", ("csv", "json")) == {shard: 1}
    assert journal.settled("r", ("csv",)) == {shard: 1}
    journal.close()


def test_another_version_voids_what_was_done(journal: Journal) -> None:
    """A shard that is begun anew has no task, no part and no death of the version before."""
    (shard,) = add(journal, "a")
    journal.apply([done(shard, 0), poison(shard, 1, 1, last=False), Ended(shard, 2)])
    journal.apply([Begin(shard, "v2", 50)])
    assert [(row.version, row.chunk_bytes, row.tasks) for row in journal.shards("r")] == [("v2", 50, None)]
    assert list(read_partials(journal.path)) == []
    assert (journal.deaths(), journal.settled("r", ())) == ({}, {shard: 0})
    journal.close()


def test_a_void_shard_matches_no_version(journal: Journal) -> None:
    """What changed while it was read is read again, whatever the next listing says."""
    (shard,) = add(journal, "a")
    journal.apply([done(shard, 0), Ended(shard, 1)])
    journal.void(shard)
    assert [row.version for row in journal.shards("r")] == [None]
    assert journal.unfinished() == ["a"]
    journal.close()


def test_missing_files_void_the_shards_that_need_them(journal: Journal) -> None:
    """Partials, segments and rejects: a shard that lacks one is done again, and no other is."""
    a, b, c, d = add(journal, "a", "b", "c", "d")
    journal.apply([Done(a, "", outcome_of((0,), 0, parts=[TablePart("main", 1, "/parts/a")])), Ended(a, 1)])
    journal.apply([rows(b, 0, ("csv",), "b"), Ended(b, 1)])
    journal.apply([Done(c, "", outcome_of((2,), 0, rejected=1, rejects="/parts/c")), Ended(c, 1)])
    journal.apply([done(d, 0), Ended(d, 1)])
    assert journal.files() == {"a", "b0.0", "c"}
    journal.void_missing(["a", "b0.0", "c", "never heard of"])
    assert journal.unfinished() == ["a", "b", "c"]
    assert journal.files() == set()
    journal.close()


def test_an_input_listed_twice_counts_twice(journal: Journal) -> None:
    """One row of work, two positions: sums and partials have it at both."""
    (shard,) = journal.add_shards("r", [("id a", "a", "v1", 100)])
    journal.place([("000000000", shard, "a"), ("000000002", shard, "a")])
    journal.apply([done(shard, 0), Ended(shard, 1)])
    assert journal.sums() == (2, 0, 2)
    assert len(list(read_partials(journal.path))) == 2
    assert journal.placed() == [(shard, "v1"), (shard, "v1")]
    journal.close()


def test_what_is_left_out_has_no_position(journal: Journal) -> None:
    """A shard that is gone when it is fetched is no part of the result; the next plan forgets that."""
    add(journal, "a", "b")
    journal.leave_out("000000000", "a", "is gone")
    assert [name for _, _, name in journal.positions()] == ["b"]
    assert journal.unfinished() == ["b"]
    journal.close()


def test_pruning_forgets_what_the_plan_does_not_name(journal: Journal) -> None:
    """Old versions and vanished inputs go, with all that was made of them; ids are never used again."""
    a, b = add(journal, "a", "b")
    journal.apply([done(a, 0), poison(b, 0), rows(b, 1, ("csv",))])
    journal.place([("000000000", a, "a")])
    journal.prune(["csv"])
    assert [row.id for row in journal.shards("r")] == [a]
    assert (journal.files(), journal.poison()) == (set(), [])
    journal.place([])
    journal.prune(["csv"])
    assert journal.add_shards("r", [("id c", "c", "v1", 100)]) == [b + 1]
    journal.close()


def test_fresh_forgets_all_work_and_no_run(journal: Journal) -> None:
    """`--fresh` begins from nothing; what the runs did stays told."""
    run = journal.begin_run()
    (shard,) = add(journal, "a")
    journal.apply([done(shard, 0), poison(shard, 1), Ended(shard, 2)])
    journal.learn("key", "value")
    journal.shown([Output("out", "result", 1, 2, 3)])
    journal.forget()
    assert (journal.shards("r"), journal.positions(), journal.outputs()) == ([], [], [])
    assert (journal.files(), journal.deaths(), journal.fact("key")) == (set(), {}, None)
    assert journal.begin_run() == run + 1
    journal.close()


def test_the_newest_outputs_and_facts_count(journal: Journal) -> None:
    """A fact learnt again is replaced; the outputs are those of the last run and no others."""
    journal.learn("key", "old")
    journal.learn("key", "new")
    assert journal.fact("key") == "new"
    assert journal.fact("none") is None
    journal.shown([Output("a", "x", 1, 2, 3), Output("b", "x", 1, 2, 3)])
    journal.shown([Output("b", "y", 4, 5, 6)])
    assert journal.outputs() == [Output("b", "y", 4, 5, 6)]
    journal.close()


def test_its_files_are_private(tmp_path: Path) -> None:
    """Partials hold data: the file, and those that SQLite puts beside it, are the user's alone, whatever the umask."""
    before = os.umask(0)
    try:
        journal = opened(tmp_path)
        add(journal, "a")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("journal*")}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3
    journal.close()


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b""], ids=["damaged", "of another release"])
def test_a_file_that_cannot_be_gone_on_with_is_named(tmp_path: Path, damage: bytes) -> None:
    """Damage and another release: a clean error with the file and the way out."""
    journal = opened(tmp_path)
    journal.close()
    path = tmp_path / "journal.sqlite"
    if damage:
        path.write_bytes(damage)
    else:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    with pytest.raises(OutputError, match=r"journal\.sqlite: the journal .*\n.*pipeline reset"):
        Journal(str(path))
