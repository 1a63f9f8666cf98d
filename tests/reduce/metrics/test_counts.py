"""count, sum and mean against Polars' answer on the whole input."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.testing.aggregations import CUTS, LAWS

X = pl.col("x")
SUM = pl.when(X.count() > 0).then(X.sum())


def frames(dtype: pl.DataType, values: st.SearchStrategy[Any]) -> st.SearchStrategy[pl.DataFrame]:
    rows = st.lists(st.tuples(st.sampled_from([1, 2, None]), st.none() | values), max_size=12)
    return rows.map(lambda rows: pl.DataFrame(rows, {"k": pl.Int64, "x": dtype}, orient="row"))


INTEGERS = frames(pl.Int64(), st.integers(-(2**59), 2**59))


@LAWS
@given(INTEGERS, CUTS)
def test_count_and_sum_of_integers(
    metric: Callable[..., list[Any]], whole: Callable[..., list[Any]], frame: pl.DataFrame, cuts: list[int]
) -> None:
    """Nulls do not count; a sum over nothing is null, as in SQL."""
    assert metric("count()", frame, *cuts) == whole(pl.len(), frame)
    assert metric("count(x)", frame, *cuts) == whole(X.count(), frame)
    assert metric("sum(x)", frame, *cuts) == whole(SUM, frame)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.Int8(), st.integers(-128, 127)),
        (pl.UInt64(), st.integers(0, 2**59)),
        (pl.Boolean(), st.booleans()),
        (pl.Decimal(10, 2), st.decimals(-1000, 1000, places=2)),
        (pl.Duration("us"), st.timedeltas(dt.timedelta(days=-9), dt.timedelta(days=9))),
    ],
    ids=str,
)
def test_sum_of_other_types(
    dtype: pl.DataType,
    values: st.SearchStrategy[Any],
    metric: Callable[..., list[Any]],
    whole: Callable[..., list[Any]],
) -> None:
    """Small integers in 64 bits, booleans as 0 and 1, the others as they are."""
    wide = X.cast(pl.Int64) if dtype in (pl.Int8, pl.Boolean) else X
    oracle = pl.when(X.count() > 0).then(wide.sum())

    @LAWS
    @given(frames(dtype, values), CUTS)
    def law(frame: pl.DataFrame, cuts: list[int]) -> None:
        assert metric("sum(x)", frame, *cuts) == whole(oracle, frame)

    law()


@LAWS
@given(frames(pl.Float64(), st.floats(-1e9, 1e9)), CUTS)
def test_sum_and_mean_of_floats(
    metric: Callable[..., list[Any]], whole: Callable[..., list[Any]], frame: pl.DataFrame, cuts: list[int]
) -> None:
    """But for the last digits, which the cuts decide."""
    for call, oracle in (("sum(x)", SUM), ("mean(x)", X.mean())):
        for found, right in zip(metric(call, frame, *cuts), whole(oracle, frame), strict=True):
            assert found == (right if right is None else pytest.approx(right, rel=1e-9, abs=1e-6))


@LAWS
@given(frames(pl.Datetime("us"), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))), CUTS)  # noqa: DTZ001
def test_mean_of_times(
    metric: Callable[..., list[Any]], whole: Callable[..., list[Any]], frame: pl.DataFrame, cuts: list[int]
) -> None:
    """Within the microsecond that rounding takes."""
    for found, right in zip(metric("mean(x)", frame, *cuts), whole(X.mean(), frame), strict=True):
        assert found == right or abs(found - right) <= dt.timedelta(microseconds=1)


def test_floats_that_are_no_numbers(metric: Callable[..., list[Any]]) -> None:
    """NaN and infinity go through sums as floats have it."""
    frame = pl.DataFrame(
        {"k": [1, 1, 2, 2, 3, 3], "x": [1.0, float("nan"), float("inf"), 1.0, float("inf"), -float("inf")]}
    )
    assert str(metric("sum(x)", frame, 3)) == str(metric("mean(x)", frame, 1, 5)) == "[nan, inf, nan]"


def test_mean_of_large_integers_is_exact(metric: Callable[..., list[Any]]) -> None:
    """The sum of these leaves 64 bits; their mean does not."""
    frame = pl.DataFrame({"k": [1] * 4, "x": [2**63 - 1] * 4})
    assert metric("mean(x)", frame, 2) == [float(2**63 - 1)]


def test_mean_of_dates_lies_between_days(metric: Callable[..., list[Any]]) -> None:
    """Before 1970 too, where rounding goes down."""
    frame = pl.DataFrame({"k": [1, 1], "x": [dt.date(1960, 1, 1), dt.date(1960, 1, 2)]})
    assert metric("mean(x)", frame, 1) == [dt.datetime(1960, 1, 1, 12)]  # noqa: DTZ001


def test_decimal_mean_is_a_float(metric: Callable[..., list[Any]]) -> None:
    """As Polars has it."""
    frame = pl.DataFrame({"k": [1, 1], "x": [Decimal("1.10"), Decimal("2.25")]})
    assert metric("mean(x)", frame, 1) == [1.675]
