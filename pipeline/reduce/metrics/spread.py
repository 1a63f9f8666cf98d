"""var and std: with n - 1 below the line, null for fewer than two values.

Each partial holds n, the mean and M2, the sum of squared distances from it; they combine without cancellation (Chan,
Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979): about the
common mean, M2 = sum(M2_i + n_i * (mean_i - mean)**2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.reduce.metrics.counts import Values
from pipeline.reduce.metrics.metric import Argument, State, StateMetric


@dataclass(frozen=True, slots=True)
class Moments(State):
    """Mean and M2; null over nothing. Reads the count of `Values`, which every metric with moments also has."""

    @property
    def names(self) -> tuple[str, ...]:
        return f"{self.argument.column} mean", f"{self.argument.column} m2"

    @property
    def count(self) -> State:
        return Values(self.argument)

    def partial(self, rows: pl.DataFrame) -> Sequence[pl.Expr]:
        del rows
        value = self.argument.number
        return [value.mean(), value.var(ddof=0) * value.count()]

    def combine(self, table: pl.DataFrame) -> Sequence[pl.Expr]:
        del table
        n, mean, m2 = pl.col(self.count.names[0]), pl.col(self.names[0]), pl.col(self.names[1])
        # Counted from the first mean: one partial stays what it is, and large means do not overflow.
        pivot = mean.first(ignore_nulls=True)
        of_all = pl.when(n.sum() > 0).then(pivot + (n * _distance(mean, pivot)).sum() / n.sum())
        return [of_all, (m2 + n * _distance(mean, of_all) ** 2).sum()]


def _distance(value: pl.Expr, other: pl.Expr) -> pl.Expr:
    """The difference, and 0 between equal infinities."""
    return pl.when(value == other).then(0.0).otherwise(value - other)


@dataclass(frozen=True, slots=True)
class Var(StateMetric):
    argument: Argument

    def __post_init__(self) -> None:
        self.argument.need(type(self).__name__.lower(), "numbers or booleans", suits=self.argument.is_number)

    @property
    def dtype(self) -> pl.DataType:
        return pl.Float64()

    @property
    def states(self) -> tuple[State, ...]:
        moments = Moments(self.argument)
        return moments.count, moments

    def final(self) -> pl.Expr:
        count, moments = self.states
        n = pl.col(count.names[0])
        return pl.when(n > 1).then(pl.col(moments.names[1]) / (n - 1))


class Std(Var):
    __slots__ = ()

    def final(self) -> pl.Expr:
        return super().final().sqrt()
