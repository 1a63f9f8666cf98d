"""Notices: what the outcomes of a run say of its columns, whatever order they come in."""

import itertools

from pipeline.engine.notices import ColumnNotices
from pipeline.model import ChunkId, Column, Outcome, ParseSpec

COLUMNS = tuple(Column(name, "string") for name in "abc")


def outcome(number: int, absent: frozenset[int] | None, ignored: tuple[str, ...] = ()) -> Outcome:
    id = ChunkId((number,), 0)
    return Outcome(id, f"{number}.csv", 1, 1, 1, 0, 1, 0, 0, 0.0, 0.0, absent=absent, ignored=ignored)


def messages(spec: ParseSpec, *outcomes: Outcome, whole: bool = True) -> list[str]:
    notices = ColumnNotices(spec)
    for one in outcomes:
        notices.add(one)
    return list(notices.messages(whole=whole))


def test_a_column_is_absent_if_every_outcome_that_tells_says_so() -> None:
    """A chunk without a record tells nothing; without any outcome that tells there is no notice."""
    spec = ParseSpec("csv", columns=COLUMNS)
    told = [outcome(0, frozenset({0, 1})), outcome(1, None), outcome(2, frozenset({1, 2}))]
    assert messages(spec, *told) == ["parse.columns: no input has a value of 'b': null in every record"]
    assert messages(spec, outcome(0, None)) == []
    assert messages(spec, outcome(0, frozenset({0})), outcome(1, frozenset())) == []


def test_of_some_of_the_chunks_only_what_they_have_is_told() -> None:
    """What they lack, those that an earlier run has read may have."""
    told = outcome(0, frozenset({0}), ("x",))
    [message] = messages(ParseSpec("csv", columns=COLUMNS), told, whole=False)
    assert message.startswith("0.csv: 'x' left out: ")


def test_the_order_of_completion_does_not_matter() -> None:
    """Law 3: the input that is named is the first in order."""
    spec = ParseSpec("csv", columns=COLUMNS, inferred=True)
    told = [outcome(0, frozenset({0})), outcome(2, frozenset({0}), ("x",)), outcome(10, frozenset({0}), ("y",))]
    for order in itertools.permutations(told):
        [message] = messages(spec, *order)
        assert message.startswith("2.csv: 'x' left out: ")
