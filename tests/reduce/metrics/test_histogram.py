"""histogram against numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.testing.aggregations import CUTS, LAWS


@LAWS
@given(
    st.lists(st.floats(-2, 2) | st.sampled_from([0.1, 0.2, 0.3, 0.6, 0.7, 1.0, -1.0]), min_size=1, max_size=12),
    st.integers(1, 13),
    st.sampled_from([(-1.0, 1.0), (0.0, 1.0), (0.1, 0.7)]),
    CUTS,
)
def test_bins_are_numpys(
    metric: Callable[..., list[Any]], values: list[float], bins: int, ends: tuple[float, float], cuts: list[int]
) -> None:
    """Edges included: the lower one belongs to a bin, the last bin has both; what is outside is not counted."""
    frame = pl.DataFrame({"k": [1] * len(values), "x": values})
    right = np.histogram(values, bins, ends)[0].tolist()
    assert metric(f"histogram(x, {ends[0]}, {ends[1]}, {bins})", frame, *cuts) == [right]


def test_every_key_has_all_its_bins(metric: Callable[..., list[Any]]) -> None:
    """Also where nothing falls into them: nulls, NaN and values outside are not counted."""
    frame = pl.DataFrame({"k": [1, 1, 2, None, None], "x": [0.5, None, 7.0, float("nan"), 1.0]})
    assert metric("histogram(x, 0, 1, 2)", frame, 2) == [[0, 1], [0, 0], [0, 1]]
