"""Lines of text: what lines, log and fixed have in common. A line that is not UTF-8 is a reject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.model import ChunkBytes, ParseSpec
from pipeline.parse.batch import batch_of
from pipeline.parse.convert import convert
from pipeline.parse.faults import first_faults, good_rows, value_faults
from pipeline.parse.records import Positions, split_records
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True, eq=False)
class TextLines:
    """The lines of a chunk, without their ends (LF or CRLF)."""

    texts: pl.Series
    """Those that are UTF-8."""
    index: Positions | None
    """The record that each is; None: all of them, in order."""
    faults: pl.DataFrame
    """The others, by their number among the records, and why."""


Cut = Callable[[pl.Series], tuple[pl.DataFrame, pl.DataFrame]]
"""Lines to fields: a column of text for each configured column, and the rows that are no such line: `faults_of`."""


def text_lines(chunk: ChunkBytes) -> TextLines:
    """The lines of `chunk`."""
    try:
        return TextLines(pl.read_lines(chunk.data, name="line", glob=False).to_series(), None, first_faults())
    except pl.exceptions.ComputeError:  # not UTF-8, somewhere
        records = split_records(chunk)
        faults = records.undecodable()
        good = np.flatnonzero(good_rows(len(records), faults).to_numpy())
        return TextLines(records.column(good).cast(pl.String).alias("line"), good, faults)


def read_text(spec: ParseSpec, chunk: ChunkBytes, cut: Cut, types: dict[str, str] | None = None) -> Batch:
    """A batch of the lines of `chunk`: cut into fields, then converted to the types of `spec.columns` (or, under
    the same names, to those of `types`)."""
    assert spec.columns is not None
    found = text_lines(chunk)
    fields, faults = cut(found.texts)
    columns = {
        column.name: convert(fields[column.name], (types or {}).get(column.name, column.type))
        for column in spec.columns
    }
    frame = pl.DataFrame(columns)
    faults = first_faults(faults, value_faults(fields, frame, spec.columns))
    return batch_of(spec, chunk, frame, faults, found.faults, index=found.index)
