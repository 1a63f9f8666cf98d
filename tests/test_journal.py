"""The journal gives back what it was given, in canonical order."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.journal import Journal, RejectFile, read_partials, read_rejects, sort_key
from pipeline.model import ChunkId, Outcome, TablePart


def outcome(
    shard: tuple[int, ...],
    number: int,
    *,
    lines: int = 1,
    rejects: str | None = None,
    parts: tuple[TablePart, ...] = (),
) -> Outcome:
    name = "shard " + ".".join(map(str, shard))
    return Outcome(ChunkId(shard, number), name, 1, lines, lines, 0, lines, 0, 0, 0.0, 0.0, parts, (), rejects)


@given(st.lists(st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=3).map(tuple), max_size=20))
def test_keys_sort_as_the_shards_do(orders: list[tuple[int, ...]]) -> None:
    """Law 3 rests on it: text order in the file is canonical order."""
    assert sorted(orders, key=sort_key) == sorted(orders)


def test_partials_come_back_in_canonical_order(tmp_path: Path) -> None:
    """Law 3: whatever the order of completion, the order of combining is (shard, number)."""
    journal = Journal(str(tmp_path / "journal"))
    main, values = TablePart("main", 2, "a.main"), TablePart("v0", 3, None, b"inline")
    journal.add(outcome((1,), 0, parts=(TablePart("main", 1, "c"),)))
    journal.add(outcome((0,), 10, parts=(TablePart("main", 1, "b"),)))
    journal.add(outcome((0,), 9, parts=(values, main)))
    journal.add(outcome((0, 3), 0))
    assert list(read_partials(journal.path)) == [
        [main, values],
        [TablePart("main", 1, "b")],
        [TablePart("main", 1, "c")],
    ]
    assert journal.part_rows() == 7
    journal.close()


def test_a_task_is_journaled_once(tmp_path: Path) -> None:
    """Law 4: the same chunk cannot count twice; the second attempt leaves no trace."""
    journal = Journal(str(tmp_path / "journal"))
    journal.add(outcome((0,), 0, parts=(TablePart("main", 1, "a"),)))
    with pytest.raises(sqlite3.IntegrityError):
        journal.add(outcome((0,), 0, parts=(TablePart("v0", 1, "b"),)))
    assert journal.part_rows() == 1
    journal.close()


def test_rejects_know_the_lines_before_their_chunk(tmp_path: Path) -> None:
    """A worker counts lines within its chunk; the lines of the chunks before it make them lines of the shard."""
    journal = Journal(str(tmp_path / "journal"))
    journal.add(outcome((0,), 2, lines=5, rejects="c"))
    journal.add(outcome((0,), 0, lines=10, rejects="a"))
    journal.add(outcome((0,), 1, lines=7))
    journal.add(outcome((1,), 0, lines=3, rejects="d"))
    assert list(read_rejects(journal.path)) == [
        RejectFile("a", "shard 0", 0),
        RejectFile("c", "shard 0", 17),
        RejectFile("d", "shard 1", 0),
    ]
    journal.close()
