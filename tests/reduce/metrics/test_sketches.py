"""approx_distinct and approx_quantile: within the bounds that they state, the same at every run."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipeline.model import AggregateSpec
from pipeline.reduce.aggregate import GroupBy


@pytest.mark.parametrize("count", [50, 3_000, 100_000])
def test_approx_distinct_is_within_its_bound(count: int, metric: Callable[..., list[Any]]) -> None:
    """2.5 % of the truth, exact for few, for numbers and for strings, from ten pieces that overlap."""
    numbers = pl.select(pl.int_range(count).append(pl.int_range(count // 2))).to_series()
    for values in (numbers, numbers.cast(pl.String)):
        frame = pl.DataFrame({"k": pl.repeat(1, values.len(), eager=True), "x": values})
        (found,) = metric("approx_distinct(x)", frame, *range(0, values.len(), values.len() // 10))
        assert found == pytest.approx(count, rel=0.025)
        assert found == count or count > 100


@pytest.mark.parametrize("shape", ["uniform", "skewed", "sorted", "few"])
def test_approx_quantile_is_within_its_bound(shape: str, metric: Callable[..., list[Any]]) -> None:
    """The rank of the answer is within 0.5 % of q, from 40 pieces."""
    random = np.random.default_rng(7)
    values = {
        "uniform": random.random(40_000),
        "skewed": random.pareto(0.7, 40_000),
        "sorted": np.sort(random.normal(size=40_000)),
        "few": random.integers(0, 300, 40_000).astype(float),
    }[shape]
    frame = pl.DataFrame({"k": pl.repeat(1, len(values), eager=True), "x": values})
    for q in (0.01, 0.25, 0.5, 0.9, 0.999):
        (found,) = metric(f"approx_quantile(x, {q})", frame, *range(1000, 40_000, 1000))
        low, high = (values < found).mean(), (values <= found).mean()
        assert low - 0.005 <= q <= high + 0.005, (q, low, high)


def test_sketches_are_the_same_at_every_run() -> None:
    """Law 3: equal partials in equal order give equal bytes."""
    random = np.random.default_rng(7)
    frame = pl.DataFrame({"x": random.random(20_000)})
    calls = ("approx_distinct(x)", "approx_quantile(x, 0.5)", "approx_top_k(x, 5)")
    aggregation = GroupBy(AggregateSpec((), tuple((call, call) for call in calls)), frame.schema)
    runs = [
        aggregation.combine([aggregation.partial(frame[at : at + 2000]) for at in range(0, 20_000, 2000)]) for _ in "ab"
    ]
    for name in runs[0]:
        assert runs[0][name].equals(runs[1][name]), name


def test_quantiles_of_times_are_times(metric: Callable[..., list[Any]]) -> None:
    """And NaN is no number here."""
    at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    times = pl.DataFrame({"k": [1, 1, 1], "x": [at + dt.timedelta(hours=hour) for hour in range(3)]})
    assert metric("approx_quantile(x, 0.5)", times) == [at + dt.timedelta(hours=1)]
    floats = pl.DataFrame({"k": [1, 1, 2], "x": [float("nan"), 3.0, float("nan")]})
    assert metric("approx_quantile(x, 0.5)", floats) == [3.0, None]
