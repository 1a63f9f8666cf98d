"""Order: the last step, which puts the rows of a result into their fixed order and cuts it to its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.reduce.expressions import no_column


@dataclass(frozen=True, slots=True)
class Order:
    """By the columns of `order_by` (a leading minus: descending), ties by all keys, ascending; nulls last. NaN is
    larger than every number. Keys are unique, so the order is total, and ordering ordered pieces orders the whole."""

    columns: tuple[str, ...]
    descending: tuple[bool, ...]
    limit: int | None = None

    def __call__(self, result: pl.DataFrame) -> pl.DataFrame:
        ordered = result
        if self.columns and result.height > 1:
            ordered = result.sort(self.columns, descending=list(self.descending), nulls_last=True, maintain_order=True)
        return ordered if self.limit is None else ordered.head(self.limit)


def order(order_by: Sequence[str], keys: Sequence[str], limit: int | None, schema: pl.Schema) -> Order:
    """The order of a result of `schema`. Raises ValueError, its text fit for a complaint, for an unknown name or a
    column that has no order."""
    wanted: dict[str, bool] = {}
    for item in order_by:
        name = item.removeprefix("-") if item not in schema else item
        if name not in schema:
            raise ValueError(f"order_by: {no_column(name, schema)}")
        if schema[name].is_nested():
            raise ValueError(f"order_by: {name!r} is a list and has no order")
        wanted.setdefault(name, item != name)
    for key in keys:
        wanted.setdefault(key, False)
    return Order(tuple(wanted), tuple(wanted.values()), limit)
