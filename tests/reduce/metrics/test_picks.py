"""min, max, first, last and any against Polars' answer on the whole input."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.testing.aggregations import CUTS, LAWS

X = pl.col("x")
TYPES: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "string": (pl.String(), st.sampled_from(["", "a", "B", "é", "aa"])),
    "float": (pl.Float64(), st.floats()),
    "uint64": (pl.UInt64(), st.integers(0, 2**64 - 1)),
    "date": (pl.Date(), st.dates()),
    "decimal": (pl.Decimal(10, 2), st.decimals(-1000, 1000, places=2)),
    "bool": (pl.Boolean(), st.booleans()),
}


@pytest.mark.parametrize("name", TYPES)
def test_picks_of_every_type(name: str, metric: Callable[..., list[Any]], whole: Callable[..., list[Any]]) -> None:
    """First and last take nulls as they come; min, max and any look past them, and min and max past NaN."""
    dtype, values = TYPES[name]
    rows = st.lists(st.tuples(st.sampled_from([1, 2, None]), st.none() | values), max_size=12)
    oracles = {"min(x)": X.min(), "max(x)": X.max(), "first(x)": X.first(), "last(x)": X.last()}
    oracles["any(x)"] = X.max() if dtype == pl.Boolean else X.drop_nulls().first()

    @LAWS
    @given(rows, CUTS)
    def law(rows: list[tuple[Any, Any]], cuts: list[int]) -> None:
        frame = pl.DataFrame(rows, {"k": pl.Int64, "x": dtype}, orient="row")
        for call, oracle in oracles.items():
            assert str(metric(call, frame, *cuts)) == str(whole(oracle, frame)), call

    law()


def test_nan_is_picked_only_where_nothing_else_is(metric: Callable[..., list[Any]]) -> None:
    """In one piece and across pieces."""
    frame = pl.DataFrame({"k": [1, 1, 2], "x": [float("nan"), 5.0, float("nan")]})
    for cuts in ((), (1,)):
        assert str(metric("min(x)", frame, *cuts)) == str(metric("max(x)", frame, *cuts)) == "[5.0, nan]"


def test_first_is_of_the_first_chunk_with_rows(metric: Callable[..., list[Any]]) -> None:
    """A null that is there is picked; a chunk that is empty is not asked."""
    frame = pl.DataFrame({"k": [1, 1], "x": [None, dt.date(2020, 1, 1)]})
    assert metric("first(x)", frame, 0, 0, 1) == [None]
    assert metric("any(x)", frame, 0, 0, 1) == [dt.date(2020, 1, 1)]
