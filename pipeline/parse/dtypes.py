"""The types of columns: the names in a config and the types of the dataframe library behind them.

A datetime has microseconds and no time zone: text with an offset is turned to UTC, text without is kept as it stands.
"""

from __future__ import annotations

import functools
import re
from types import MappingProxyType

import polars as pl

_PLAIN = MappingProxyType(
    {
        "string": pl.String(),
        "bool": pl.Boolean(),
        "int8": pl.Int8(),
        "int16": pl.Int16(),
        "int32": pl.Int32(),
        "int64": pl.Int64(),
        "uint8": pl.UInt8(),
        "uint16": pl.UInt16(),
        "uint32": pl.UInt32(),
        "uint64": pl.UInt64(),
        "float32": pl.Float32(),
        "float64": pl.Float64(),
        "date": pl.Date(),
        "datetime": pl.Datetime("us"),
        "duration": pl.Duration("us"),
        "binary": pl.Binary(),  # of the format `bytes`; no config can ask for it
    }
)
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_DATETIME = re.compile(r"datetime\((.+)\)", re.DOTALL)


@functools.lru_cache(maxsize=256)
def dtype_of(type: str) -> pl.DataType:
    """The library's type for a type of `model.Column`. Raises ValueError for a name that is none."""
    if type in _PLAIN:
        return _PLAIN[type]
    if match := _DECIMAL.fullmatch(type):
        precision, scale = int(match[1]), int(match[2])
        if 1 <= precision <= 38 and scale <= precision:
            return pl.Decimal(precision, scale)
    if datetime_format(type):
        return _PLAIN["datetime"]
    raise ValueError(f"{type!r} is not a column type")


def datetime_format(type: str) -> str | None:
    """The format in `datetime(format)`; None for every other type."""
    match = _DATETIME.fullmatch(type)
    return match[1] if match else None
