"""count(), count(x), sum and mean: exact in 64 or 128 bits, never a sum that wrapped around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.reduce.metrics.metric import DAY_US, Argument, State, StateMetric

_INT64 = (-(2**63), 2**63 - 1)
_UINT64 = (0, 2**64 - 1)


@dataclass(frozen=True, slots=True)
class Values(State):
    """How many rows; with an argument, how many values that are not null."""

    every: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.argument.column} {'rows' if self.every else 'count'}",)

    def partial(self, rows: pl.DataFrame) -> Sequence[pl.Expr]:
        nulls = not self.every and rows.get_column(self.argument.column).null_count()
        return [(self.argument.value.count() if nulls else pl.len()).cast(pl.Int64)]

    def combine(self, table: pl.DataFrame) -> Sequence[pl.Expr]:
        del table
        return [pl.col(self.names[0]).sum()]


@dataclass(frozen=True, slots=True)
class Total(State):
    """The sum; null over nothing. Integers are added in 64 bits where no sum of these rows can need more, else in
    128: the column of a partial may have either type. A decimal sum past 38 digits is refused at once."""

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.argument.column} sum",)

    def partial(self, rows: pl.DataFrame) -> Sequence[pl.Expr]:
        return [self._sum(rows, self.argument.column, self.argument.physical)]

    def combine(self, table: pl.DataFrame) -> Sequence[pl.Expr]:
        return [self._sum(table, self.names[0], pl.col(self.names[0]))]

    def _sum(self, frame: pl.DataFrame, column: str, value: pl.Expr) -> pl.Expr:
        dtype = self.argument.dtype
        low, high = frame.select(low=value.min(), high=value.max()).row(0)
        total = value.sum()
        if dtype.is_float():
            total = value.cast(pl.Float64).sum()
        elif isinstance(dtype, pl.Decimal):
            limit = 10 ** (38 - dtype.scale)
            if max(-(low or 0), high or 0) * frame.height >= limit:
                # Decimals wrap around too. A float tells: the strict cast fails for a sum past the limit.
                fits = (value.cast(pl.Float64).sum() / limit * 2.0**63).cast(pl.Int64).is_not_null()
                total = pl.when(fits).then(total)
        else:
            most = max(-(low or 0), high or 0) * frame.height
            total = value.cast(pl.Int64 if most < 2**63 else pl.Int128).sum()
        if frame.height == 0 or frame.get_column(column).null_count():
            return pl.when(pl.col(column).count() > 0).then(total)
        return total


@dataclass(frozen=True, slots=True)
class Count(StateMetric):
    """count(): records. count(x): values that are not null."""

    argument: Argument
    every: bool = False

    @property
    def dtype(self) -> pl.DataType:
        return pl.Int64()

    @property
    def states(self) -> tuple[State, ...]:
        return (Values(self.argument, self.every),)

    def final(self) -> pl.Expr:
        return pl.col(self.states[0].names[0])


@dataclass(frozen=True, slots=True)
class Sum(StateMetric):
    """Integers and booleans: int64, or uint64; floats: float64; decimals: decimal(38, s); durations. Null over
    nothing, as in SQL. A sum that does not fit is an error."""

    argument: Argument

    def __post_init__(self) -> None:
        suits = self.argument.is_number or self.argument.dtype == pl.Duration
        self.argument.need("sum", "numbers, booleans or durations", suits=suits)

    @property
    def dtype(self) -> pl.DataType:
        dtype = self.argument.dtype
        if isinstance(dtype, pl.Decimal):
            return pl.Decimal(38, dtype.scale)
        if dtype.is_float():
            return pl.Float64()
        if dtype == pl.Duration:
            return dtype
        return pl.UInt64() if dtype.is_unsigned_integer() else pl.Int64()

    @property
    def states(self) -> tuple[State, ...]:
        return (Total(self.argument),)

    def final(self) -> pl.Expr:
        return pl.col(self.states[0].names[0]).cast(self.dtype)

    def misfit(self, main: pl.DataFrame) -> pl.Series | None:
        if self.dtype.is_float() or self.dtype.is_decimal():
            return None
        low, high = _UINT64 if self.dtype == pl.UInt64 else _INT64
        total = main.get_column(self.states[0].names[0]).cast(pl.Int128)
        outside = pl.select((pl.lit(total) < low) | (pl.lit(total) > high)).to_series()
        return outside if outside.any() else None


@dataclass(frozen=True, slots=True)
class Mean(StateMetric):
    """The sum by the count: exact for integers, then rounded to float64 once. Dates give a datetime; datetimes and
    durations themselves, rounded down to their unit."""

    argument: Argument

    def __post_init__(self) -> None:
        suits = self.argument.is_number or self.argument.dtype.is_temporal()
        self.argument.need("mean", "numbers, booleans, dates, times or durations", suits=suits)

    @property
    def dtype(self) -> pl.DataType:
        if self.argument.dtype == pl.Date:
            return pl.Datetime("us")
        return self.argument.dtype if self.argument.dtype.is_temporal() else pl.Float64()

    @property
    def states(self) -> tuple[State, ...]:
        return (Total(self.argument), Values(self.argument))

    def final(self) -> pl.Expr:
        total, count = (pl.col(state.names[0]) for state in self.states)
        if not self.dtype.is_temporal():
            return total.cast(pl.Float64) / count.cast(pl.Float64)
        unit = pl.lit(DAY_US if self.argument.dtype == pl.Date else 1, pl.Int128)
        return (total.cast(pl.Int128) * unit // count.cast(pl.Int128)).cast(pl.Int64).cast(self.dtype)
