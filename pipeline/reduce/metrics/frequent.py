"""approx_top_k: the most frequent values, from a sketch of Apache DataSketches that keeps a bounded number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import datasketches
import polars as pl

from pipeline.reduce.metrics.metric import Argument, TableMetric
from pipeline.reduce.metrics.sketches import Sketches, distinct, hashable
from pipeline.reduce.metrics.values import ValueCounts


@dataclass(frozen=True, slots=True)
class Frequent(Sketches):
    """Frequent items (Misra and Gries, as Anderson and others have it, 2017): a map of at most 2**lg_size values."""

    kind: ClassVar[str] = "frequent"
    lg_size: int

    def partial(self, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        counts = ValueCounts(self.argument)
        lists = distinct(rows, keys, counts, hashable(self.argument).cast(pl.String))
        columns = lists.get_column(self.argument.column), lists.get_column(counts.count)
        made = [self._made(values, weights) for values, weights in zip(*columns, strict=True)]
        return lists.select(*keys, pl.Series(self.sketch, made, pl.Binary))

    def _made(self, values: pl.Series, weights: pl.Series) -> bytes:
        sketch = datasketches.frequent_strings_sketch(self.lg_size)
        for value, weight in zip(values.to_list(), weights.to_list(), strict=True):
            sketch.update(value, weight)
        return bytes(sketch.serialize())

    def merged(self, sketches: Sequence[bytes]) -> bytes:
        merged = datasketches.frequent_strings_sketch(self.lg_size)
        for sketch in sketches:
            merged.merge(datasketches.frequent_strings_sketch.deserialize(sketch))
        return bytes(merged.serialize())


@dataclass(frozen=True, slots=True)
class ApproxTopK(TableMetric[pl.Series]):
    """The k most frequent values, a list of {value, count} as of `top_k`. A count is never too low, and too high by at
    most 3.5 / m of all values of the key; m is the power of two from 8 k, at least 1024. Exact up to 0.75 m different
    values. Empty over nothing."""

    argument: Argument
    k: float

    @property
    def dtype(self) -> pl.DataType:
        return pl.List(pl.Struct({"value": self.argument.dtype, "count": pl.Int64()}))

    @property
    def table(self) -> Frequent:
        return Frequent(self.argument, max(10, math.ceil(math.log2(8 * self.k))))

    @property
    def nothing(self) -> object:
        return []

    def final(self, ready: pl.Series) -> pl.Series:
        items = [
            (place, value, estimate)
            for place, sketch in enumerate(ready)
            for value, estimate, _, _ in datasketches.frequent_strings_sketch.deserialize(sketch).get_frequent_items(
                datasketches.frequent_items_error_type.NO_FALSE_NEGATIVES
            )
        ]
        schema = {"place": pl.UInt32, "value": pl.String, "count": pl.Int64}
        best = (
            pl.DataFrame(items, schema, orient="row")
            .with_columns(_read_back(self.argument, pl.col("value")))
            .sort("place", "count", "value", descending=[False, True, False])
            .group_by("place", maintain_order=True)
            .agg(pl.struct("value", "count").head(int(self.k)).alias("best"))
        )
        places = pl.DataFrame({"place": pl.int_range(ready.len(), dtype=pl.UInt32, eager=True)})
        found = places.join(best, on="place", how="left", maintain_order="left").get_column("best")
        return found.fill_null(pl.Series([[]], dtype=self.dtype)) if found.null_count() else found


def _read_back(argument: Argument, value: pl.Expr) -> pl.Expr:
    """The inverse of `hashable(...).cast(String)`."""
    if argument.dtype.is_integer() or argument.dtype.is_temporal() or argument.dtype == pl.Boolean:
        number = value.cast(pl.Int64)
        return number.reinterpret(signed=False) if argument.dtype == pl.UInt64 else number.cast(argument.dtype)
    if argument.dtype == pl.Binary:
        return value.str.decode("hex")
    return value.cast(argument.dtype)
