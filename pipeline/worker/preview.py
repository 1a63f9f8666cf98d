"""A preview: a few rows as plain JSON, for the parent to show without the dataframe library."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl

ROWS = 10
"""How many rows of a result are shown to the person at the end."""


def write_preview(frame: pl.DataFrame, path: str) -> None:
    """Writes {"columns": [[name, type], ...], "rows": [[value, ...], ...]}; what JSON has no form for becomes text."""
    document = {
        "columns": [[name, str(dtype)] for name, dtype in frame.schema.items()],
        "rows": frame.rows(),
    }
    Path(path).write_bytes(orjson.dumps(document, default=str, option=orjson.OPT_PASSTHROUGH_DATETIME))
