"""count_distinct, quantile, median and top_k against Polars' answer on the whole input."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.testing.aggregations import CUTS, LAWS

X = pl.col("x")
NAN = float("nan")
ROWS = st.lists(
    st.tuples(st.sampled_from([1, 2, None]), st.none() | st.integers(-3, 3) | st.floats(-1e6, 1e6)), max_size=12
)


def frame_of(rows: list[tuple[Any, Any]], dtype: pl.DataType) -> pl.DataFrame:
    return pl.DataFrame(rows, {"k": pl.Int64, "x": dtype}, orient="row", strict=False)


@LAWS
@given(ROWS, st.sampled_from([0, 0.1, 0.25, 0.5, 0.9, 1]), CUTS)
def test_quantile_of_floats(
    metric: Callable[..., list[Any]],
    whole: Callable[..., list[Any]],
    rows: list[tuple[Any, Any]],
    q: float,
    cuts: list[int],
) -> None:
    """Linear between neighbours, as Polars, numpy and pandas have it."""
    frame = frame_of(rows, pl.Float64())
    for call, oracle in ((f"quantile(x, {q})", X.quantile(q, "linear")), ("median(x)", X.median())):
        for found, right in zip(metric(call, frame, *cuts), whole(oracle, frame), strict=True):
            assert found == (right if right is None else pytest.approx(right, rel=1e-12, abs=1e-9))


@LAWS
@given(ROWS, st.integers(1, 4), CUTS)
def test_counts_of_values(
    metric: Callable[..., list[Any]], rows: list[tuple[Any, Any]], k: int, cuts: list[int]
) -> None:
    """How many different ones, and which are the most frequent: against Python's Counter. Nulls are no values."""
    frame = frame_of(rows, pl.Float64())
    keys = sorted({key for key, _ in rows if key}) + [None] * any(key is None for key, _ in rows)
    counts = [Counter(float(x) for key, x in rows if key == wanted and x is not None) for wanted in keys]
    assert metric("count_distinct(x)", frame, *cuts) == [len(counter) for counter in counts]
    best = [sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:k] for counter in counts]
    found = metric(f"top_k(x, {k})", frame, *cuts)
    assert [[(item["value"], item["count"]) for item in items] for items in found] == best


def test_median_of_times_and_durations(metric: Callable[..., list[Any]]) -> None:
    """Rounded down to the unit; dates give a datetime."""
    day = dt.date(1960, 1, 1)
    days = pl.DataFrame({"k": [1, 1, 2], "x": [day, day + dt.timedelta(days=1), None]})
    assert metric("median(x)", days, 1) == [dt.datetime(1960, 1, 1, 12), None]  # noqa: DTZ001
    took = pl.DataFrame({"k": [1, 1], "x": [dt.timedelta(microseconds=1), dt.timedelta(microseconds=4)]})
    assert metric("median(x)", took, 1) == [dt.timedelta(microseconds=2)]
    at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    times = pl.DataFrame({"k": [1, 1], "x": [at, at + dt.timedelta(hours=1)]})
    assert metric("quantile(x, 0.25)", times, 1) == [at + dt.timedelta(minutes=15)]


def test_nan_is_the_largest_value_and_one_value(metric: Callable[..., list[Any]]) -> None:
    """And zero has no sign."""
    frame = pl.DataFrame({"k": [1] * 5, "x": [NAN, 0.0, -0.0, NAN, 1.0]})
    for cuts in ((), (1, 2), (3,)):
        assert metric("count_distinct(x)", frame, *cuts) == [3]
        assert metric("quantile(x, 0.5)", frame, *cuts) == [1.0]
        assert str(metric("quantile(x, 0.6)", frame, *cuts)) == "[nan]"
        top = "[[{'value': 0.0, 'count': 2}, {'value': nan, 'count': 2}, {'value': 1.0, 'count': 1}]]"
        assert str(metric("top_k(x, 3)", frame, *cuts)) == top


def test_infinite_neighbours_have_no_middle_but_themselves(metric: Callable[..., list[Any]]) -> None:
    """The difference of two infinities would be NaN."""
    frame = pl.DataFrame({"k": [1, 1, 2, 2], "x": [float("inf")] * 2 + [float("-inf"), 0.0]})
    assert metric("median(x)", frame, 1) == [float("inf"), float("-inf")]


def test_what_has_no_values(metric: Callable[..., list[Any]]) -> None:
    """A key with only nulls has no different values, an empty list, and no quantile."""
    frame = pl.DataFrame({"k": [1, 2], "x": [None, 3]})
    assert metric("count_distinct(x)", frame, 1) == [0, 1]
    assert metric("top_k(x, 2)", frame, 1) == [[], [{"value": 3, "count": 1}]]
    assert metric("median(x)", frame, 1) == [None, 3.0]
