"""Types as a config spells them: the one place that turns those of the dataframe library into words for people."""

from __future__ import annotations

import re
from types import MappingProxyType

import polars as pl
from polars.datatypes import DataTypeClass

_FOREIGN = re.compile(
    r"""'[^']*'|"[^"]*"|\b(?:(?P<kind>[iuf]|Int|UInt|Float)(?P<bits>8|16|32|64|128)|"""
    r"(?P<text>str|String|Utf8View|Utf8)|(?P<bool>Boolean)|decimal\[(?P<decimal>\d+,\d+)\])(?!\w)"
)
"""A name of a type as the library says it; first what is in quotes, which is a name or a value of the user."""

_KINDS = MappingProxyType({"i": "int", "u": "uint", "f": "float"})


def type_name(dtype: pl.DataType) -> str:
    """int64, string, decimal(10,2), datetime, list(int64), struct(value: string, count: uint64)."""
    match dtype:
        case pl.Boolean():
            return "bool"
        case pl.Decimal():
            return f"decimal({dtype.precision},{dtype.scale})"
        case pl.List():
            return f"list({type_name(_instance(dtype.inner))})"
        case pl.Struct():
            return (
                f"struct({', '.join(f'{field.name}: {type_name(_instance(field.dtype))}' for field in dtype.fields)})"
            )
    return str(dtype.base_type()).lower()


def translated(message: str) -> str:
    """A message of the library with types as they are spelled here, and without advice about its own interface."""
    return _FOREIGN.sub(_spelled, message.partition("\nHint:")[0])


def _spelled(found: re.Match[str]) -> str:
    if found["kind"]:
        return _KINDS.get(found["kind"], found["kind"].lower()) + found["bits"]
    if found["decimal"]:
        return f"decimal({found['decimal']})"
    return "string" if found["text"] else "bool" if found["bool"] else found[0]


def _instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    return dtype() if isinstance(dtype, DataTypeClass) else dtype
