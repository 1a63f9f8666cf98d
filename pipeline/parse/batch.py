"""The last step of the formats that read line by line: rows at fault become rejects, the rest a batch."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.model import ChunkBytes, ParseSpec, Reject
from pipeline.parse.faults import good_rows
from pipeline.parse.records import Positions, count_lines, in_order, oversize_rejects, split_records, with_lines
from pipeline.protocols import Batch


def batch_of(
    spec: ParseSpec,
    chunk: ChunkBytes,
    frame: pl.DataFrame,
    faults: dict[int, str],
    rejects: list[Reject],
    *,
    index: Positions | None,
) -> Batch:
    """The batch of a frame whose rows are the records `index` of the chunk (None: all of them), less those rows that
    `faults` names a reason to refuse; `rejects` are the records that did not come as far as the frame."""
    rejects = oversize_rejects(chunk, spec.max_record_bytes) + rejects
    lines = count_lines(chunk)
    if faults or (spec.line_column and (index is not None or lines != frame.height)):
        records = split_records(chunk)
        index = np.arange(len(records)) if index is None else index
        rejects += [records.reject(int(index[row]), records.text(int(index[row])), faults[row]) for row in faults]
        kept = good_rows(frame.height, faults)
        frame, places = frame.filter(kept), records.lines[index[kept.to_numpy()]]
    else:
        places = np.arange(frame.height)
    return Batch(with_lines(frame, places) if spec.line_column else frame, in_order(rejects), lines)
