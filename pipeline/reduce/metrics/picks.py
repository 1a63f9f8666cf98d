"""min, max, first, last and any: metrics that pick one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import polars as pl

from pipeline.reduce.metrics.metric import Argument, State, StateMetric

How: TypeAlias = Literal["min", "max", "first", "last", "any"]


@dataclass(frozen=True, slots=True)
class Picked(State):
    """One value, picked from rows as it is picked from partials."""

    how: How

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.argument.column} {self.how}",)

    def partial(self, rows: pl.DataFrame) -> Sequence[pl.Expr]:
        del rows
        return [self._pick(self.argument.value)]

    def combine(self, table: pl.DataFrame) -> Sequence[pl.Expr]:
        del table
        return [self._pick(pl.col(self.names[0]))]

    def _pick(self, value: pl.Expr) -> pl.Expr:
        match self.how:
            case "min":
                return value.min()
            case "max":
                return value.max()
            case "first":
                return value.first()
            case "last":
                return value.last()
            case "any":
                return value.max() if self.argument.dtype == pl.Boolean else value.first(ignore_nulls=True)


@dataclass(frozen=True, slots=True)
class Pick(StateMetric):
    argument: Argument
    how: ClassVar[How]

    @property
    def dtype(self) -> pl.DataType:
        return self.argument.dtype

    @property
    def states(self) -> tuple[State, ...]:
        return (Picked(self.argument, self.how),)

    def final(self) -> pl.Expr:
        return pl.col(self.states[0].names[0])


class Min(Pick):
    """The smallest value. NaN only where there is nothing else; null over nothing."""

    __slots__ = ()
    how = "min"


class Max(Pick):
    """The largest value. NaN only where there is nothing else; null over nothing."""

    __slots__ = ()
    how = "max"


class First(Pick):
    """The value of the first record in canonical order, null included."""

    __slots__ = ()
    how = "first"


class Last(Pick):
    """The value of the last record in canonical order, null included."""

    __slots__ = ()
    how = "last"


class Any(Pick):
    """Booleans: true if one is. Others: the first value that is not null. Null over nothing."""

    __slots__ = ()
    how = "any"
