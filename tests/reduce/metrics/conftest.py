"""What the tests of metrics share: a metric's answer over rows that were cut, and Polars' own over all of them."""

from collections.abc import Callable
from typing import Any, TypeAlias

import polars as pl
import pytest

from pipeline.model import AggregateSpec
from pipeline.reduce.aggregate import GroupBy
from pipeline.testing.aggregations import cut

Answer: TypeAlias = Callable[..., list[Any]]


def of_the_pieces(call: str, frame: pl.DataFrame, *cuts: int) -> list[Any]:
    """The metric of `x`, a value for each `k` in ascending order, combined from the partials of the pieces."""
    aggregation = GroupBy(AggregateSpec(("k",), (("metric", call),)), frame.schema)
    tables = aggregation.combine([aggregation.partial(piece) for piece in cut(frame, cuts)])
    return aggregation.order(aggregation.finalize(tables))["metric"].to_list()


def of_the_whole(expression: pl.Expr, frame: pl.DataFrame) -> list[Any]:
    """The same of Polars alone."""
    answers = frame.group_by("k", maintain_order=True).agg(expression.alias("metric")).sort("k", nulls_last=True)
    return answers["metric"].to_list()


@pytest.fixture(scope="session")
def metric() -> Answer:
    return of_the_pieces


@pytest.fixture(scope="session")
def whole() -> Answer:
    return of_the_whole
