"""How values are written in text formats, as cheap expressions before the dataframe library's own writers run.

- datetime: ISO 8601 with as many digits of the second as it has, `Z` for UTC, an offset for other zones, nothing
  where the column has no zone
- duration: ISO 8601, `PT1.5S`, `P2DT3H`; a day is 24 hours
- bytes: base64 (RFC 4648)
- inside lists and structs the same
"""

from __future__ import annotations

import polars as pl

_ISO = "%Y-%m-%dT%H:%M:%S%.f"
_UTC = ("UTC", "Etc/UTC", "Z", "+00:00")


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns that need it turned into strings (or lists and structs of strings)."""
    changed = [
        expression.alias(name)
        for name, dtype in frame.schema.items()
        if (expression := _text(pl.col(name), dtype)) is not None
    ]
    return frame.with_columns(changed) if changed else frame


def nested_as_json(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with lists and structs as JSON text, null where they are null."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(_json(name) for name in nested) if nested else frame


def _json(name: str) -> pl.Expr:
    # Only structs can be encoded, so each value is wrapped in one, and the wrapping cut off again.
    wrapped = pl.struct(pl.col(name).alias("_")).struct.json_encode()
    bare = wrapped.str.strip_prefix('{"_":').str.head(-1)
    return pl.when(pl.col(name).is_not_null()).then(bare).alias(name)


def _text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """The value as text, or None where the writers do it right by themselves."""
    match dtype:
        case pl.Datetime():
            zone = "" if dtype.time_zone is None else "Z" if dtype.time_zone in _UTC else "%:z"
            return value.dt.strftime(_ISO + zone)
        case pl.Duration():
            return value.dt.to_string("iso")
        case pl.Binary():
            return value.bin.encode("base64")
        case pl.List(inner=pl.DataType() as inner):
            item = _text(pl.element(), inner)
            return None if item is None else value.list.eval(item)
        case pl.Struct(fields=fields):
            changed = [_field(field) for field in fields]
            if all(expression is None for expression in changed):
                return None
            return value.struct.with_fields(expression for expression in changed if expression is not None)
    return None


def _field(field: pl.Field) -> pl.Expr | None:
    assert isinstance(field.dtype, pl.DataType), "the schema of a frame holds instances"
    expression = _text(pl.field(field.name), field.dtype)
    return None if expression is None else expression.alias(field.name)
