"""Transform: the steps of a job, in order, over one batch of rows."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputRefused
from pipeline.model import Derive, Select, Step, Where
from pipeline.reduce.transform import Transform

FRAME = pl.DataFrame({"word": ["a", "b", "c"], "year": [1999, 2004, None], "_shard": ["s"] * 3, "_line": [1, 2, 3]})


def test_steps_are_applied_in_order() -> None:
    """Each step sees what the one before has left."""
    steps: list[Step] = [
        Where("year > 1990"),
        Derive((("decade", "year - year % 10"),)),
        Where("decade = 2000"),
        Select(("decade",)),
    ]
    transform = Transform(steps, FRAME.schema)
    found = transform.apply(FRAME)
    assert found.rows() == [(2000,)]
    assert found.schema == transform.schema


def test_columns_of_one_derive_do_not_see_each_other() -> None:
    """Side by side: a swap works, and an overwritten column keeps its place."""
    steps = [Derive((("word", "_shard"), ("_shard", "word"), ("n", "_line + 1")))]
    found = Transform(steps, FRAME.schema).apply(FRAME)
    assert found.columns == ["word", "year", "_shard", "_line", "n"]
    assert found.row(0) == ("s", 1999, "a", 1, 2)


def test_null_is_not_true() -> None:
    """SQL's three values: a comparison with null keeps no row, nor does its negation."""
    assert Transform([Where("year > 0")], FRAME.schema).apply(FRAME).height == 2
    assert Transform([Where("NOT year > 0")], FRAME.schema).apply(FRAME).height == 0


def test_without_steps_the_frame_is_the_frame() -> None:
    """Nothing is copied."""
    assert Transform([], FRAME.schema).apply(FRAME) is FRAME


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (Where("yaer > 1"), "no column 'yaer'; did you mean 'year'"),
        (Where("year"), "must be true or false"),
        (Derive((("n", "count(*)"),)), "needs many rows"),
        (Select(("word", "yaer")), "no column 'yaer'; did you mean 'year'"),
        (Select(("word", "word")), "selected twice"),
    ],
)
def test_a_step_that_does_not_suit_is_a_complaint(step: Step, complaint: str) -> None:
    """Found when the job starts, not at the first chunk."""
    with pytest.raises(ValueError, match=complaint):
        Transform([step], FRAME.schema)


def test_a_dropped_column_is_gone_for_later_steps() -> None:
    """The schema is followed from step to step."""
    with pytest.raises(ValueError, match="no column 'year'"):
        Transform([Select(("word",)), Where("year > 1")], FRAME.schema)


def test_a_value_that_does_not_fit_names_step_and_row() -> None:
    """The row as it was when the step met it."""
    steps: list[Step] = [Derive((("big", "_line * 4000000000000000000"),)), Where("big > 0")]
    with pytest.raises(InputRefused, match=r"does not fit int64 where _shard = 's', _line = 3"):
        Transform(steps, FRAME.schema).apply(FRAME)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(-9, 9), st.sampled_from("ab")), max_size=9), st.integers(0, 9))
def test_cutting_does_not_matter(rows: list[tuple[int | None, str]], place: int) -> None:
    """Law 2: rows answer for themselves, and stay in order."""
    frame = pl.DataFrame(rows, {"x": pl.Int64, "s": pl.String}, orient="row")
    transform = Transform(
        [Where("x > 0 OR s = 'a'"), Derive((("x", "x * 2"), ("y", "1"))), Select(("y", "x"))], frame.schema
    )
    whole = transform.apply(frame)
    assert whole.equals(pl.concat([transform.apply(frame[:place]), transform.apply(frame[place:])]))
    assert whole.rows() == [(1, x and x * 2) for x, s in rows if (x is not None and x > 0) or s == "a"]
