"""The last step of the formats that read line by line: rows at fault become rejects, the rest a batch."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.model import ChunkBytes, ParseSpec
from pipeline.parse.faults import good_rows
from pipeline.parse.records import Positions, count_lines, split_records, with_lines
from pipeline.parse.reject_table import RejectTable, oversize_rejects, rejected
from pipeline.protocols import Batch


def batch_of(
    spec: ParseSpec,
    chunk: ChunkBytes,
    frame: pl.DataFrame,
    faults: pl.DataFrame,
    unread: pl.DataFrame,
    *,
    index: Positions | None,
) -> Batch:
    """The batch of a frame whose rows are the records `index` of the chunk (None: all of them), less those rows that
    have `faults`, and less the records with the faults `unread`, which did not come as far as the frame: they go by
    their number among the records."""
    rejects = [oversize_rejects(chunk, spec.max_record_bytes)]
    lines = count_lines(chunk)
    if len(faults) or len(unread) or (spec.line_column and (index is not None or lines != frame.height)):
        records = split_records(chunk)
        index = np.arange(len(records)) if index is None else index
        rejects.append(rejected(records, unread["row"].to_numpy(), unread["reason"]))
        rejects.append(rejected(records, index[faults["row"].to_numpy()], faults["reason"]))
        kept = good_rows(frame.height, faults)
        frame, places = frame.filter(kept), records.lines[index[kept.to_numpy()]]
    else:
        places = np.arange(frame.height)
    return Batch(with_lines(frame, places) if spec.line_column else frame, RejectTable(*rejects), lines)
