"""histogram: how many values fall into each of a number of equally wide bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from pipeline.reduce.metrics.metric import Argument, Table, TableMetric, grouped, joined


@dataclass(frozen=True, slots=True)
class Bins(Table[pl.Series]):
    """A row for each key and bin that is not empty, with its count."""

    kind: ClassVar[str] = "bins"
    low: float
    high: float
    bins: int

    @property
    def bin(self) -> str:
        return f"{self.argument.column} bin"

    @property
    def count(self) -> str:
        return f"{self.argument.column} n"

    def partial(self, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        value = self.argument.number
        step = (self.high - self.low) / self.bins
        edges = pl.Series([self.low + step * place for place in range(self.bins)], dtype=pl.Float64)
        place = pl.lit(edges).search_sorted(value, side="right").cast(pl.Int32) - 1
        inside = rows.filter(value.is_between(self.low, self.high)).select(*keys, place.alias(self.bin))
        return grouped(inside, [*keys, self.bin], [pl.len().cast(pl.Int64).alias(self.count)])

    def combine(self, table: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        return grouped(table, [*keys, self.bin], [pl.col(self.count).sum()])

    def ready(self, table: pl.DataFrame, groups: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """One list of counts a key, for every key."""
        number = f"{self.argument.column} key"
        numbered = groups.with_columns(pl.int_range(pl.len()).alias(number))
        if groups.columns:
            table = joined(table, numbered, groups.columns)
        else:
            table, numbered = table.with_columns(pl.lit(0).alias(number)), pl.DataFrame({number: [0]})
        places = table.select(pl.col(number) * self.bins + pl.col(self.bin)).to_series()
        counts = pl.repeat(0, numbered.height * self.bins, dtype=pl.Int64, eager=True)
        counts = counts.scatter(places, table.get_column(self.count))
        return numbered.select(groups.columns), counts.reshape((-1, self.bins)).arr.to_list()


@dataclass(frozen=True, slots=True)
class Histogram(TableMetric[pl.Series]):
    """A list of `bins` counts over [low, high), equally wide; `high` itself belongs to the last bin, as numpy has it.
    What is outside, null or NaN is not counted."""

    argument: Argument
    low: float
    high: float
    bins: float

    def __post_init__(self) -> None:
        self.argument.need("histogram", "numbers", suits=self.argument.dtype.is_numeric())

    @property
    def dtype(self) -> pl.DataType:
        return pl.List(pl.Int64())

    @property
    def table(self) -> Bins:
        return Bins(self.argument, self.low, self.high, int(self.bins))

    def final(self, ready: pl.Series) -> pl.Series:
        return ready
