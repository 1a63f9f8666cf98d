"""Lines of text: what lines, log and fixed have in common. A line that is not UTF-8 is a reject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.model import ChunkBytes, ParseSpec, Reject
from pipeline.parse.batch import batch_of
from pipeline.parse.convert import convert
from pipeline.parse.faults import value_faults
from pipeline.parse.records import Positions, Records, not_utf8, split_records
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True, eq=False)
class TextLines:
    """The lines of a chunk, without their ends (LF or CRLF)."""

    texts: pl.Series
    """Those that are UTF-8."""
    index: Positions | None
    """The record that each is; None: all of them, in order."""
    rejects: list[Reject]
    """The others."""


Cut = Callable[[pl.Series], tuple[pl.DataFrame, dict[int, str]]]
"""Lines to fields: a column of text for each configured column, and the rows that are no such line, with the reason."""


def text_lines(chunk: ChunkBytes) -> TextLines:
    """The lines of `chunk`."""
    try:
        return TextLines(pl.read_lines(chunk.data, name="line", glob=False).to_series(), None, [])
    except pl.exceptions.ComputeError:  # not UTF-8, somewhere
        return _checked_one_by_one(split_records(chunk))


def _checked_one_by_one(records: Records) -> TextLines:
    bodies = records.texts()
    good: list[int] = []
    rejects: list[Reject] = []
    for index, body in enumerate(bodies):
        if fault := not_utf8(body):
            rejects.append(records.reject(index, body, fault))
        else:
            good.append(index)
    texts = pl.Series("line", [bodies[index].decode() for index in good], dtype=pl.String)
    return TextLines(texts, np.array(good, np.int64), rejects)


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
    faults = value_faults(fields, frame, spec.columns) | faults
    return batch_of(spec, chunk, frame, faults, found.rejects, index=found.index)
