"""A task: chunks to records, records to rows, rows to a partial or to segments. The whole of the CPU stage."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from pipeline.codecs.reading import read_task
from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, ChunkId, Job, Outcome, Range, Reject, Rows, Slice, Stored, TablePart, Task
from pipeline.protocols import Batch, Tables
from pipeline.sink.atomic import output_errors
from pipeline.sink.rejects import write_rejects
from pipeline.worker.compiled import Compiled, compiled
from pipeline.worker.files import preview_path, stem
from pipeline.worker.preview import ROWS, write_preview

SLICE_CHUNKS = 2
"""Rows that are kept before they are encoded, in chunks' worth of bytes. Most tasks come to less; a small compressed
shard may inflate to anything: test_a_shard_that_inflates_is_written_slice_by_slice."""

INLINE_BYTES = 2048
"""A partial up to this size travels with the outcome: a file of its own would cost more than what is in it."""

FIRST = ChunkId((0,), 0)
"""The chunk that a row-wise job's preview is taken from."""


@dataclass(slots=True)
class _Tally:
    chunks: int = 0
    lines: int = 0
    records: int = 0
    rows: int = 0
    decoded: int = 0
    first_line: int | None = None
    rejects: list[Reject] = field(default_factory=list)
    partials: list[Tables] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    """Rows of chunks that are not in a slice yet; the first of them is `number`."""
    number: int | None = None
    waiting_bytes: int = 0
    slices: list[Slice] = field(default_factory=list)


def run_task(job: Job, task: Task, folder: str) -> Outcome:
    """Reads, parses and reduces the task's chunks; files go to `folder`.

    Raises InputRefused for a bad record under `on_bad_record: fail`, for corrupt input, and for a header that has
    nothing in common with the columns.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    parts = compiled(job)
    tally = _Tally()
    start = stem(folder, task.id)
    for chunk in read_task(task, parts.framing, job.chunk_bytes, job.parse.compression, job.parse.encoding):
        _add_chunk(job, parts, task, chunk, tally)
        if tally.waiting_bytes >= SLICE_CHUNKS * job.chunk_bytes:
            _write_slice(parts, task, tally, start)
    _write_slice(parts, task, tally, start)
    partial = _write_partial(tally.partials, start)
    rejects = None
    if tally.rejects:
        rejects = f"{start}.rejects"
        write_rejects(tally.rejects, task.shard.name, tally.first_line, rejects)
    return Outcome(
        id=task.id,
        shard_name=task.shard.name,
        chunks=tally.chunks,
        lines=tally.lines,
        records=tally.records,
        rejected=len(tally.rejects),
        rows=tally.rows,
        bytes_stored=_stored_bytes(task),
        bytes_decoded=tally.decoded,
        wall_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
        partial=partial,
        slices=tuple(tally.slices),
        rejects=rejects,
    )


def _add_chunk(job: Job, parts: Compiled, task: Task, chunk: ChunkBytes | Rows, tally: _Tally) -> None:
    batch = parts.format.read(chunk)
    if batch.rejects and job.parse.on_bad_record == "fail":
        raise _bad_record(task, chunk, batch.rejects[0])
    if tally.chunks == 0 and isinstance(chunk, ChunkBytes):
        tally.first_line = chunk.first_line
    before = tally.lines + _header_lines(task, tally)
    rejects = [replace(reject, line=reject.line + before) for reject in batch.rejects]
    frame = parts.transform.apply(_with_places(job, task, batch, tally))
    tally.chunks += 1
    tally.lines += batch.lines
    tally.records += batch.records
    tally.rows += frame.height
    tally.decoded += len(chunk.data) if isinstance(chunk, ChunkBytes) else int(frame.estimated_size())
    tally.rejects += rejects
    if parts.aggregation is not None:
        tally.partials.append(parts.aggregation.partial(frame))
    else:
        tally.frames.append(frame)
        tally.waiting_bytes += int(frame.estimated_size())
        if tally.number is None:
            tally.number = chunk.id.number if isinstance(chunk, ChunkBytes) else task.number


def _header_lines(task: Task, tally: _Tally) -> int:
    """A chunk that does not know its line is numbered later by the lines of the chunks before it, among which the
    header is not: test_rejects_of_later_ranges_count_the_header."""
    if tally.first_line is not None or task.header is None:
        return 0
    return task.header.count(b"\n") + 1


def _with_places(job: Job, task: Task, batch: Batch, tally: _Tally) -> pl.DataFrame:
    """The records with `_shard` and `_line`, as far as the job asks for them."""
    frame = batch.frame
    if job.parse.line_column:
        assert tally.first_line is not None, "fetch finds out the lines of a job that speaks of them"
        frame = frame.with_columns(pl.col("_line") + (tally.first_line + tally.lines))
    if job.parse.shard_column:
        frame = frame.with_columns(pl.lit(task.shard.name).alias("_shard"))
    return frame


def _bad_record(task: Task, chunk: ChunkBytes | Rows, reject: Reject) -> InputRefused:
    first = chunk.first_line if isinstance(chunk, ChunkBytes) else None
    place = f"line {first + reject.line}, byte {reject.byte}" if first is not None else f"byte {reject.byte}"
    return InputRefused(
        f"{task.shard.name}: {place}: {reject.reason}",
        "parse.on_bad_record is fail; with reject, bad records are set aside and counted.",
    )


def _write_partial(partials: list[Tables], start: str) -> tuple[TablePart, ...]:
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
    with output_errors(path):
        table.write_ipc(path, compression="uncompressed")
    return TablePart(name, table.height, path)


def _write_slice(parts: Compiled, task: Task, tally: _Tally, start: str) -> None:
    if tally.number is None:
        return
    frame = pl.concat(tally.frames)
    if task.id == FIRST and not tally.slices:
        write_preview(frame.head(ROWS), preview_path(str(Path(start).parent)))
    paths = [f"{start}.{len(tally.slices)}.sink{index}" for index in range(len(parts.encoders))]
    segments = [encoder.write(frame, path) for encoder, path in zip(parts.encoders, paths, strict=True)]
    tally.slices.append(Slice(tally.number, tuple(segments)))
    tally.frames, tally.number, tally.waiting_bytes = [], None, 0


def _stored_bytes(task: Task) -> int:
    """What the worker itself read from the shard's own file; what the parent fetched, the parent has counted."""
    match task.place:
        case Range(path, start, stop) if path == task.shard.location:
            return stop - start
        case Stored(path, size) if path == task.shard.location:
            return size
        case Rows(path, 0) if path == task.shard.location:
            return task.shard.size or 0
        case _:
            return 0
