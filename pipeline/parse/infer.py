"""Types from a sample: for each column of text the narrowest type that holds all of it."""

from __future__ import annotations

import polars as pl

from pipeline.model import Column
from pipeline.parse.convert import convert, refused

_CANDIDATES = ("bool", "int64", "float64", "date", "datetime")


def infer_columns(texts: pl.DataFrame) -> tuple[Column, ...]:
    """A column for each column of strings."""
    return tuple(Column(text.name, infer_type(text)) for text in texts)


def infer_type(text: pl.Series, candidates: tuple[str, ...] = _CANDIDATES) -> str:
    """The first candidate that refuses none of the values, else string. So is a column without a value, and one of
    numbers some of which begin with a zero: those are codes, and would not come back as they were."""
    given = text.filter((text != "").fill_null(value=False)).unique()
    if given.is_empty() or given.str.contains("^[+-]?0[0-9]").any():
        candidates = ()
    return next((type for type in candidates if not refused(given, convert(given, type)).any()), "string")
