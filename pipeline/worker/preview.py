"""A preview: a few rows as plain JSON, for the parent to show without the dataframe library."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import polars.selectors as cs

from pipeline.reduce.type_names import type_name
from pipeline.sink.atomic import output_errors

ROWS = 10
"""How many rows of a result are shown to the person at the end."""

LONGEST = 300
"""Characters of a text, and elements of a list, that a preview has: a value may be a whole shard, and the parent, which
reads the preview, shows a few dozen characters of it."""


def write_preview(frame: pl.DataFrame, path: str) -> None:
    """Writes {"columns": [[name, type], ...], "rows": [[value, ...], ...]}; what JSON has no form for becomes text.
    Values longer than `LONGEST` are cut, in columns first: as Python objects they would all be there once more. Raises
    OutputError."""
    rows = frame.with_columns(cs.string().str.head(LONGEST), cs.binary().bin.head(LONGEST)).rows()
    document = {
        "columns": [[name, type_name(dtype)] for name, dtype in frame.schema.items()],
        "rows": _cut_nested(rows),
    }
    with output_errors(path, "run.state"):
        Path(path).write_bytes(orjson.dumps(document, default=str, option=orjson.OPT_PASSTHROUGH_DATETIME))


def _cut_nested(value: object) -> object:
    match value:
        case str():
            return value[:LONGEST]
        case list() | tuple():
            return [_cut_nested(item) for item in value[:LONGEST]]
        case dict():
            return {key: _cut_nested(item) for key, item in value.items()}
        case _:
            return value
