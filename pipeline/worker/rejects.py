"""Rejects of a task: written chunk by chunk, in the lines that `sink.rejects` joins."""

from __future__ import annotations

import polars as pl

from pipeline.parse.reject_table import RejectTable
from pipeline.sink.atomic import output_errors

_ROWS = 1 << 16
"""Rejects that are turned into text at once."""


def write_rejects(rejects: RejectTable, shard: str, first_line: int | None, path: str, *, append: bool = False) -> None:
    """Writes rejects of one task of `shard`; `first_line` is the physical line of its first record, where known. Does
    not `append` to what a task before this one has left there. Raises OutputError."""
    line = pl.col("line").alias("chunk_line") if first_line is None else pl.col("line") + first_line
    name = shard.encode("utf-8", "backslashreplace").decode()  # of a lone surrogate, which UTF-8 has no bytes for
    table = rejects.frame.select(pl.lit(name).alias("shard"), line, "byte", "reason", "raw")
    with output_errors(path, "run.state"), open(path, "ab" if append else "wb") as file:
        for part in table.iter_slices(_ROWS):
            part.write_ndjson(file)
