"""var and std against Polars' answer on the whole input."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.testing.aggregations import CUTS, LAWS

X = pl.col("x")


@LAWS
@given(
    st.lists(st.tuples(st.sampled_from([1, 2, None]), st.none() | st.floats(-1e6, 1e6)), max_size=12),
    st.sampled_from([0.0, 1e9]),
    CUTS,
)
def test_spread_of_floats(
    metric: Callable[..., list[Any]],
    whole: Callable[..., list[Any]],
    rows: list[tuple[int | None, float | None]],
    offset: float,
    cuts: list[int],
) -> None:
    """Far from zero too, where the textbook formula cancels; null for fewer than two values."""
    frame = pl.DataFrame(rows, {"k": pl.Int64, "x": pl.Float64}, orient="row").with_columns(X + offset)
    for call, oracle in (("var(x)", X.var()), ("std(x)", X.std())):
        for found, right in zip(metric(call, frame, *cuts), whole(oracle, frame), strict=True):
            assert found == (right if right is None else pytest.approx(right, rel=1e-6, abs=1e-3)), call


def test_pieces_without_values_do_not_spoil_the_rest(metric: Callable[..., list[Any]]) -> None:
    """A partial with only nulls has no mean, which must not become NaN."""
    frame = pl.DataFrame({"k": [1] * 4, "x": [None, None, 1.0, 3.0]})
    assert metric("var(x)", frame, 1, 2) == [2.0]


def test_combining_does_not_cancel(metric: Callable[..., list[Any]]) -> None:
    """A spread of 1e-4 around 1e9 is found from pieces."""
    frame = pl.DataFrame({"k": [1] * 4, "x": [1e9, 1e9 + 1e-4, 1e9 + 2e-4, 1e9 + 3e-4]})
    assert metric("std(x)", frame, 2) == pytest.approx([1.29e-4], rel=1e-2)


def test_a_single_partial_stays_what_it_is(metric: Callable[..., list[Any]]) -> None:
    """Chunks without rows beside it change no bit, however large the values."""
    frame = pl.DataFrame({"k": [1, 1, 1], "x": [1.7e308, 0.1, 1.7e308]})
    assert str(metric("std(x)", frame)) == str(metric("std(x)", frame, 0, 0))
    small = pl.DataFrame({"k": [1] * 3, "x": [0.1, 0.2, 0.7]})
    assert metric("var(x)", small) == metric("var(x)", small, 0, 0)
