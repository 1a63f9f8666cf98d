"""What is wrong with a value, in words, and in which rows there is one."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from pipeline.model import Column
from pipeline.parse.convert import refused
from pipeline.parse.dtypes import dtype_of
from pipeline.parse.records import shown

_NUMBER = re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def value_faults(texts: pl.DataFrame, values: pl.DataFrame, columns: Iterable[Column]) -> dict[int, str]:
    """Rows in which a text was refused by its column's type, with the first such value of each."""
    faults: dict[int, str] = {}
    for column in columns:
        text = texts[column.name]
        rows = refused(text, values[column.name]).arg_true()
        for row, value in zip(rows.to_list(), text.gather(rows).to_list(), strict=True):
            if row not in faults:
                faults[row] = value_fault(column, value)
    return faults


def value_fault(column: Column, value: str) -> str:
    """Why a text is refused as a value of the column."""
    dtype = dtype_of(column.type)
    whole = dtype.is_integer() and value.strip().lstrip("+-").isdecimal()
    number = (dtype.is_float() or dtype == pl.Decimal) and _NUMBER.fullmatch(value)
    problem = "does not fit" if whole or number else "is not"
    return f"column {column.name!r}: {shown(value)} {problem} {column.type}"


def good_rows(height: int, faults: dict[int, str]) -> pl.Series:
    """A mask of the rows without a fault."""
    return pl.Series([row not in faults for row in range(height)], dtype=pl.Boolean)
