"""approx_top_k: exact for few values, within its bound for many."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest


def test_few_values_are_counted_exactly(metric: Callable[..., list[Any]]) -> None:
    """As top_k gives them: by count, then by value."""
    frame = pl.DataFrame({"k": [1] * 6 + [2], "x": ["b", "a", "c", "a", "b", None, None]})
    assert metric("approx_top_k(x, 2)", frame, 2) == metric("top_k(x, 2)", frame) != [[], []]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([True, False, True]),
        pl.Series([2**64 - 1, 0, 2**64 - 1], dtype=pl.UInt64),
        pl.Series([0.1, float("nan"), 0.1]),
        pl.Series([1e300, -0.0, 1e300]),
        pl.Series([b"\xff\x00", b"", b"\xff\x00"]),
        pl.Series(["1.10", "2.25", "1.10"]).cast(pl.Decimal(10, 2)),
        pl.Series([3, 4, 3]).cast(pl.Date),
        pl.Series([3, 4, 3]).cast(pl.Duration("us")),
        pl.Series([0.1, 0.2, 0.1], dtype=pl.Float32),
    ],
    ids=lambda values: str(values.dtype),
)
def test_values_of_every_type_come_back(values: pl.Series, metric: Callable[..., list[Any]]) -> None:
    """Sketches keep strings; what comes out is what went in."""
    frame = pl.DataFrame({"k": [1] * 3, "x": values})
    assert str(metric("approx_top_k(x, 3)", frame, 1)) == str(metric("top_k(x, 3)", frame))


def test_counts_of_many_values_are_within_the_bound(metric: Callable[..., list[Any]]) -> None:
    """Never too low, at most 3.5 / 1024 of all too high, and nothing frequent is missing."""
    values = np.random.default_rng(7).zipf(1.3, 60_000).astype(np.int64)
    frame = pl.DataFrame({"k": pl.repeat(1, len(values), eager=True), "x": values})
    (found,) = metric("approx_top_k(x, 10)", frame, *range(5_000, 60_000, 5_000))
    truth = Counter(values.tolist())
    bound = 3.5 / 1024 * len(values)
    assert len(truth) > 1024
    for item in found:
        assert 0 <= item["count"] - truth[item["value"]] <= bound
    assert {value for value, count in truth.items() if count > found[-1]["count"] + bound} <= {
        i["value"] for i in found
    }
