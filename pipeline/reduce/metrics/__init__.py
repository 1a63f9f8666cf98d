"""Metrics: what `aggregate.metrics` may call. One family a module; `metric` says what one is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pipeline.reduce.metrics.counts import Count, Mean, Sum
from pipeline.reduce.metrics.frequent import ApproxTopK
from pipeline.reduce.metrics.histogram import Histogram
from pipeline.reduce.metrics.metric import (
    Argument,
    Metric,
    State,
    StateMetric,
    Table,
    TableMetric,
    canonical,
    grouped,
    joined,
)
from pipeline.reduce.metrics.picks import Any, First, Last, Max, Min
from pipeline.reduce.metrics.sketches import ApproxDistinct, ApproxQuantile
from pipeline.reduce.metrics.spread import Std, Var
from pipeline.reduce.metrics.values import CountDistinct, Median, Quantile, TopK

METRICS: Mapping[str, Callable[..., Metric]] = MappingProxyType(
    {
        "any": Any,
        "approx_distinct": ApproxDistinct,
        "approx_quantile": ApproxQuantile,
        "approx_top_k": ApproxTopK,
        "count": Count,
        "count_distinct": CountDistinct,
        "first": First,
        "histogram": Histogram,
        "last": Last,
        "max": Max,
        "mean": Mean,
        "median": Median,
        "min": Min,
        "quantile": Quantile,
        "std": Std,
        "sum": Sum,
        "top_k": TopK,
        "var": Var,
    }
)
"""The name in the config, and what it makes of an argument and the literals (float) after it."""

__all__ = [
    "METRICS",
    "Argument",
    "Count",
    "Metric",
    "State",
    "StateMetric",
    "Table",
    "TableMetric",
    "canonical",
    "grouped",
    "joined",
]
