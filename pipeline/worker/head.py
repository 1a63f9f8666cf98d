"""Head: the first records of a chunk, those that were rejected among them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipeline.model import ChunkBytes, ParseSpec, Rows
from pipeline.parse import format_of
from pipeline.parse.reject_table import RejectTable
from pipeline.protocols import Batch


def first_records(spec: ParseSpec, chunk: ChunkBytes | Rows, batch: Batch, most: int) -> Batch:
    """What `batch`, which was read from `chunk`, would be if the chunk ended after `most` records."""
    if batch.records <= most:
        return batch
    if not batch.rejects:
        return replace(batch, frame=batch.frame.head(most))
    # Which rejects lie before the last record, only the lines of all records tell: no two of them begin in the same.
    frame = format_of(replace(spec, line_column=True)).read(chunk).frame
    rejects = RejectTable.of(batch.rejects).frame
    last = pl.concat([frame["_line"], rejects["line"]]).sort()[most - 1]
    frame = frame.filter(pl.col("_line") <= last)
    frame = frame if spec.line_column else frame.drop("_line")
    return replace(batch, frame=frame, rejects=RejectTable(rejects.filter(pl.col("line") <= last)))
