"""Frames as the formats hand them on: the configured columns, in their order, with their types."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pipeline.model import Column, ParseSpec
from pipeline.parse.dtypes import dtype_of


def empty(spec: ParseSpec) -> pl.DataFrame:
    """The frame of a chunk without records."""
    assert spec.columns is not None
    schema = {column.name: dtype_of(column.type) for column in spec.columns}
    return pl.DataFrame(schema=schema | ({"_line": pl.Int64()} if spec.line_column else {}))


def arranged(frame: pl.DataFrame, columns: Iterable[Column]) -> pl.DataFrame:
    """The columns of `frame` in the order of `columns`; null where it lacks one."""
    return frame.select(
        pl.col(column.name) if column.name in frame.columns else pl.lit(None, dtype_of(column.type)).alias(column.name)
        for column in columns
    )


def origin(spec: ParseSpec) -> str:
    """What to call the columns of the spec."""
    return "the columns of the first input with a record" if spec.inferred else "the configured columns"
