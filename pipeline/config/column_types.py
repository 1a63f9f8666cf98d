"""The types of columns, and their one spelling: `decimal(10, 2)` is `decimal(10,2)`."""

from __future__ import annotations

import re

from pipeline.config.places import nearest

PLAIN_TYPES = (
    *("string", "bool", "date", "datetime", "duration", "float32", "float64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
TYPES_IN_WORDS = (
    "string, bool, int8 to int64, uint8 to uint64, float32, float64, decimal(p, s), date, datetime, "
    "datetime(format) or duration"
)
_ALIASES = {
    "bigint": "int64",
    "boolean": "bool",
    "double": "float64",
    "float": "float64",
    "int": "int64",
    "integer": "int64",
    "str": "string",
    "text": "string",
    "timestamp": "datetime",
    "utf8": "string",
    "varchar": "string",
}
_DECIMAL = re.compile(r"decimal\s*\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_DATETIME = re.compile(r"datetime\s*\(\s*(.+?)\s*\)", re.DOTALL)


def column_type(text: str) -> str:
    """The normal spelling of a type. Raises ValueError with what is wrong, fit for a complaint."""
    text = text.strip()
    if text in PLAIN_TYPES:
        return text
    if match := _DECIMAL.fullmatch(text):
        precision, scale = int(match[1]), int(match[2])
        if not 1 <= precision <= 38 or scale > precision:
            raise ValueError(f"decimal(p, s) needs p from 1 to 38 and s from 0 to p, not {precision} and {scale}")
        return f"decimal({precision},{scale})"
    if match := _DATETIME.fullmatch(text):
        if "%" not in match[1]:
            raise ValueError(f"datetime(format) needs a format such as %Y-%m-%d %H:%M:%S, not {match[1]!r}")
        return f"datetime({match[1]})"
    if text.startswith("decimal"):
        raise ValueError("a decimal is written decimal(p, s): p digits in all, s of them after the point")
    hint = f"; did you mean {_ALIASES[text.lower()]!r}?" if text.lower() in _ALIASES else nearest(text, PLAIN_TYPES)
    raise ValueError(f"unknown type {text!r}{hint or f'; types are {TYPES_IN_WORDS}'}")
