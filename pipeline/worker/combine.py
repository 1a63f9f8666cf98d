"""All partials to the result: combined flat and in canonical order, one hash bucket of the keys a call."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from pipeline.journal import RejectFile, check_content, check_file, read_partials, read_rejects
from pipeline.model import Job, Segment, TablePart
from pipeline.reduce.partition import bucket_of
from pipeline.sink import rejects
from pipeline.sink.atomic import output_errors
from pipeline.worker.compiled import compiled
from pipeline.worker.files import preview_path
from pipeline.worker.preview import ROWS, write_preview


def combine_bucket(job: Job, journal: str, index: int, count: int, folder: str) -> str:
    """Combines, finalizes and orders the keys of hash bucket `index` of `count`; returns the path of the rows, an Arrow
    IPC file.

    Buckets are disjoint and cover every key: the union of their results is the result (`order` says why).
    Raises InputRefused where a sum does not fit its type, DamagedPart for a partial that is not what it was.
    """
    assert job.aggregate is not None
    aggregation = compiled(job).aggregation
    assert aggregation is not None
    keys = job.aggregate.by
    parts = [
        {part.table: _in_bucket(_read(part, journal), keys, index, count) for part in parts}
        for parts in read_partials(journal)
    ]
    result = aggregation.order(aggregation.finalize(aggregation.combine(parts)))
    path = os.path.join(folder, f"bucket-{index}-of-{count}-{os.getpid()}.ipc")
    with output_errors(path, "run.state"):
        result.write_ipc(path, compression="uncompressed")
    return path


def finish(job: Job, buckets: Sequence[str], folder: str) -> tuple[Segment, ...]:
    """Joins the results of the buckets, brings them in their final order and encodes them: a segment a sink."""
    parts = compiled(job)
    assert parts.aggregation is not None
    result = parts.aggregation.order(pl.concat([pl.read_ipc(path) for path in buckets]))
    segments = tuple(
        encoder.write(result, os.path.join(folder, f"result-{os.getpid()}.sink{index}"))
        for index, encoder in enumerate(parts.encoders)
    )
    write_preview(result.head(ROWS), preview_path(folder))
    return segments


def join(job: Job, sink: int, segments: Sequence[str], path: str) -> None:
    """Makes one output file of a sink's segments, which are in order."""
    parts = compiled(job)
    parts.encoders[sink].join(segments, parts.schema, path)


def join_rejects(journal: str, path: str) -> int:
    """Writes the rejects of all tasks to one file; returns how many. Raises OutputError, DamagedPart too."""
    return rejects.join_rejects(_sound(read_rejects(journal)), path)


def _sound(files: Iterable[RejectFile]) -> Iterator[RejectFile]:
    for file in files:
        check_file(file.path, file.crc)
        yield file


def _read(part: TablePart, journal: str) -> pl.DataFrame:
    # Before the dataframe library sees it: it maps files, and trusts the offsets in them.
    if part.inline is not None:
        check_content(part.inline, part.crc, journal)
        return pl.read_ipc(io.BytesIO(part.inline))
    assert part.path is not None
    check_file(part.path, part.crc)
    return pl.read_ipc(part.path)


def _in_bucket(table: pl.DataFrame, keys: tuple[str, ...], index: int, count: int) -> pl.DataFrame:
    if count == 1:
        return table
    return table.filter(bucket_of(table, keys, count) == index)
