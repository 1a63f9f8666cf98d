"""What workers read of the journal is in canonical order."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import OutputError
from pipeline.journal import Done, Journal, RejectFile, read_partials, read_rejects, read_segments, sort_key
from pipeline.model import ChunkId, Outcome, Segment, Slice, TablePart
from pipeline.testing.nouns import outcome_of


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Two shards whose places are the reverse of their ids."""
    journal = Journal(str(tmp_path / "journal"))
    ids = journal.add_shards("r", [(name, name, "v", 1) for name in ("b", "a")])
    assert ids == [1, 2]
    journal.place([(sort_key((0,)), 2, "a"), (sort_key((1,)), 1, "b")])
    return journal


def tell(journal: Journal, shard: int, outcome: Outcome, member: str = "", encodings: tuple[str, ...] = ()) -> None:
    journal.apply([Done(shard, member, outcome, encodings)])


@given(st.lists(st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=3).map(tuple), max_size=20))
def test_keys_sort_as_the_shards_do(orders: list[tuple[int, ...]]) -> None:
    """Law 3 rests on it: text order in the file is canonical order."""
    assert sorted(orders, key=sort_key) == sorted(orders)


def test_partials_come_back_in_canonical_order(journal: Journal, tmp_path: Path) -> None:
    """Law 3: whatever the order of completion, the order of combining is (shard, member, number)."""
    folder = tmp_path / "parts"
    main, values = TablePart("main", 2, str(folder / "a.main")), TablePart("v0", 3, None, b"inline")
    tell(journal, 1, outcome_of((1,), 0, parts=[TablePart("main", 1, str(folder / "c"))]))
    tell(journal, 2, outcome_of((0,), 10, parts=[TablePart("main", 1, str(folder / "b"))]))
    tell(journal, 2, outcome_of((0,), 9, parts=[values, main]))
    tell(journal, 2, outcome_of((0, 3), 0, parts=[TablePart("main", 1, None, b"m")]), sort_key((3,)))
    assert list(read_partials(journal.path)) == [
        [main, values],
        [TablePart("main", 1, str(folder / "b"))],
        [TablePart("main", 1, None, b"m")],
        [TablePart("main", 1, str(folder / "c"))],
    ]
    journal.close()


def test_segments_know_their_chunk_whoever_wrote_them(journal: Journal, tmp_path: Path) -> None:
    """One encoding at a time; a member of an archive has its place in the archive, at the place of the archive."""
    segment = Segment(str(tmp_path / "parts" / "s"), 1, 2)
    for shard, order, number, member in [(1, (1,), 1, ""), (1, (1,), 0, ""), (2, (0, 3), 4, sort_key((3,)))]:
        outcome = outcome_of(order, number, slices=[Slice(number, (segment, segment))])
        tell(journal, shard, outcome, member, ("csv", "json"))
    expected = [ChunkId((0, 3), 4), ChunkId((1,), 0), ChunkId((1,), 1)]
    assert list(read_segments(journal.path, "json")) == [(id, segment) for id in expected]
    assert list(read_segments(journal.path, "arrow")) == []
    journal.close()


def test_rejects_know_the_lines_before_their_chunk(journal: Journal, tmp_path: Path) -> None:
    """A worker counts lines within its chunk; the lines of the chunks before it make them lines of the shard."""
    tell(journal, 2, outcome_of((0,), 2, lines=5, rejects="c"))
    tell(journal, 2, outcome_of((0,), 0, lines=10, rejects="a"))
    tell(journal, 2, outcome_of((0,), 1, lines=7))
    tell(journal, 1, outcome_of((1,), 0, lines=3, rejects="d"))
    folder = tmp_path / "parts"
    assert list(read_rejects(journal.path)) == [
        RejectFile(str(folder / "a"), "a", 0),
        RejectFile(str(folder / "c"), "a", 17),
        RejectFile(str(folder / "d"), "b", 0),
    ]
    journal.close()


def test_a_journal_that_is_damaged_where_only_workers_look_is_an_error_of_the_place(journal: Journal) -> None:
    """A large partial is a chain of pages, of which the parent reads the first: a broken link says what to do, and is
    no failure of the work."""
    tell(journal, 2, outcome_of((0,), 0, parts=[TablePart("main", 1, None, b"x" * 20_000)]))
    journal.close()
    path = Path(journal.path)
    content = path.read_bytes()
    link = content.index(b"x" * 4000, content.index(b"x" * 4000) + 4096) - 4
    path.write_bytes(content[:link] + b"\x7f\xff\xff\xff" + content[link + 4 :])
    again = Journal(journal.path)
    assert again.files() == set()
    again.close()
    with pytest.raises(OutputError, match="the journal is damaged") as caught:
        list(read_partials(journal.path))
    assert "pipeline reset" in caught.value.hint


def test_a_reader_beside_the_writer_sees_whole_transactions(journal: Journal) -> None:
    """A worker that combines while nothing is written, or `status` while much is: neither waits, neither sees half."""
    tell(journal, 2, outcome_of((0,), 0, parts=[TablePart("main", 1, None, b"a")]))
    reading = read_partials(journal.path)
    first = next(reading)
    tell(journal, 1, outcome_of((1,), 0, parts=[TablePart("main", 1, None, b"b")]))
    assert [first, *reading] == [[TablePart("main", 1, None, b"a")]]
    journal.close()
