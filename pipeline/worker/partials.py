"""Partials of a task on their way out: in the outcome where they are small, else in files."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from pipeline.model import TablePart
from pipeline.protocols import Tables
from pipeline.sink.atomic import output_errors

INLINE_BYTES = 2048
"""A partial up to this size travels with the outcome: a file of its own would cost more than what is in it."""


def write_partial(partials: Sequence[Tables], start: str) -> tuple[TablePart, ...]:
    """The tables of the partials of a task's chunks, in files whose paths begin with `start`. Raises OutputError."""
    if not partials:
        return ()
    # Chunks lie one after the other, not combined: combining is done once, flat, over all of them (law 3).
    # A sum is as wide as its chunk needs: test_chunks_of_a_task_may_need_sums_of_different_width.
    tables = {name: pl.concat([tables[name] for tables in partials], how="vertical_relaxed") for name in partials[0]}
    return tuple(_write_table(name, table, f"{start}.{name}") for name, table in tables.items())


def _write_table(name: str, table: pl.DataFrame, path: str) -> TablePart:
    if table.estimated_size() <= INLINE_BYTES:
        buffer = io.BytesIO()
        table.write_ipc(buffer, compression="zstd")
        if buffer.tell() <= INLINE_BYTES:
            return TablePart(name, table.height, None, buffer.getvalue())
    with output_errors(path, "run.state"):
        table.write_ipc(path, compression="uncompressed")
    return TablePart(name, table.height, path)
