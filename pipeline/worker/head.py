"""Head: what a job would give on its first records, in one call."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipeline.model import ChunkBytes, Job, Rows
from pipeline.worker.compiled import compiled
from pipeline.worker.preview import write_preview


def head(job: Job, samples: Sequence[tuple[str, ChunkBytes | Rows]], records: int, path: str) -> int:
    """Runs the job over the first `records` good records of the samples, which are (shard name, bytes) in canonical
    order; writes the rows to `path` as `write_preview` does. Returns how many records there were."""
    parts = compiled(job)
    frames: list[pl.DataFrame] = []
    found = 0
    for shard, sample in samples:
        frame = parts.format.read(sample).frame.head(records - found)
        found += frame.height
        if job.parse.line_column:
            frame = frame.with_columns(pl.col("_line") + 1 + _header_lines(sample))
        if job.parse.shard_column:
            frame = frame.with_columns(pl.lit(shard).alias("_shard"))
        frames.append(parts.transform.apply(frame))
    if parts.aggregation is None:
        write_preview(pl.concat(frames), path)
        return found
    tables = parts.aggregation.combine([parts.aggregation.partial(frame) for frame in frames])
    write_preview(parts.aggregation.order(parts.aggregation.finalize(tables)), path)
    return found


def _header_lines(sample: ChunkBytes | Rows) -> int:
    header = sample.header if isinstance(sample, ChunkBytes) else None
    return 0 if header is None else header.count(b"\n") + 1
