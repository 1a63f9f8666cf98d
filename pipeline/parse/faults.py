"""What is wrong with a value, in words, and in which rows there is one.

Faults are a table of `row` and `reason`, ascending by row: a chunk may have as many as records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from pipeline.model import Column
from pipeline.parse.convert import refused
from pipeline.parse.dtypes import dtype_of
from pipeline.parse.records import shown

_SCHEMA = pl.Schema({"row": pl.Int64(), "reason": pl.String()})
_WHOLE = r"^\s*[+-]*\d+\s*$"
_NUMBER = r"(?i)^ *[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$"
_PLAIN = r"^[ -&(-\[\]-~]{0,98}$"
"""Texts that `shown` only puts into quotes."""


def faults_of(rows: pl.Series, reasons: pl.Series | str) -> pl.DataFrame:
    """A table of faults, with a reason for each row or one for all."""
    table = rows.cast(pl.Int64).alias("row").to_frame()
    return table.with_columns(pl.lit(reasons, pl.String).alias("reason"))


def faults_in(faults: Mapping[int, str]) -> pl.DataFrame:
    """The same, of rows that were looked at one by one."""
    return pl.DataFrame([list(faults), list(faults.values())], _SCHEMA)


def first_faults(*tables: pl.DataFrame) -> pl.DataFrame:
    """One fault a row: that of the first table that has one."""
    found = pl.concat([_SCHEMA.to_frame(), *tables])
    return found.unique("row", keep="first", maintain_order=True).sort("row")


def value_faults(texts: pl.DataFrame, values: pl.DataFrame, columns: Iterable[Column]) -> pl.DataFrame:
    """Rows in which a text was refused by its column's type, with the first such value of each."""
    tables: list[pl.DataFrame] = []
    for column in columns:
        text = texts[column.name]
        rows = refused(text, values[column.name]).arg_true()
        if len(rows):
            tables.append(faults_of(rows, _reasons(column, text.gather(rows))))
    return first_faults(*tables)


def _reasons(column: Column, values: pl.Series) -> pl.Series:
    """Why texts are refused as values of the column."""
    dtype, value = dtype_of(column.type), pl.col("value")
    number = dtype.is_float() or dtype == pl.Decimal
    fits_not = value.str.contains(_WHOLE if dtype.is_integer() else _NUMBER) & (number or dtype.is_integer())
    problem = pl.when(fits_not).then(pl.lit("does not fit")).otherwise(pl.lit("is not"))
    name, type = pl.lit(repr(column.name)), pl.lit(column.type)
    parts = pl.DataFrame([values.alias("value"), _shown(values).alias("shown")])
    return parts.select(pl.format("column {}: {} {} {}", name, "shown", problem, type)).to_series()


def _shown(values: pl.Series) -> pl.Series:
    """`records.shown` of each: only the odd ones are looked at one by one."""
    odd = ~values.str.contains(_PLAIN)
    if not odd.any():
        return "'" + values + "'"
    places = np.concatenate([(~odd).arg_true().to_numpy(), odd.arg_true().to_numpy()])
    texts = pl.Series([shown(value) for value in values.filter(odd)], dtype=pl.String)
    return pl.concat(["'" + values.filter(~odd) + "'", texts.alias(values.name)])[np.argsort(places)]


def good_rows(height: int, faults: pl.DataFrame) -> pl.Series:
    """A mask of the rows without a fault."""
    good = np.ones(height, np.bool_)
    good[faults["row"].to_numpy()] = False
    return pl.Series(good)
