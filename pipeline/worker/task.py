"""A task: chunks to records, records to rows, rows to a partial or to segments. The whole of the CPU stage."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import polars as pl

from pipeline.codecs.reading import read_task
from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, Job, Outcome, Range, Reject, Rows, Slice, Stored, Task
from pipeline.parse.reject_table import RejectTable
from pipeline.protocols import Batch, Tables
from pipeline.worker.compiled import Compiled, compiled
from pipeline.worker.files import preview_path, stem
from pipeline.worker.head import first_records
from pipeline.worker.partials import write_partial
from pipeline.worker.places import blaming, header_lines, place_of, read_chunk
from pipeline.worker.preview import ROWS, write_preview
from pipeline.worker.rejects import write_rejects

SLICE_CHUNKS = 2
"""Rows that are kept before they are encoded, in chunks' worth of bytes. Most tasks come to less; a small compressed
shard may inflate to anything: test_a_shard_that_inflates_is_written_slice_by_slice."""


@dataclass(slots=True)
class _Tally:
    start: str
    """Of the paths of the task's files."""
    most: int | None
    """Records that are wanted; None: all."""
    chunks: int = 0
    lines: int = 0
    records: int = 0
    rows: int = 0
    decoded: int = 0
    first_line: int | None = None
    rejected: int = 0
    absent: frozenset[int] | None = None
    ignored: tuple[str, ...] = ()
    partials: list[Tables] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    """Rows of chunks that are not in a slice yet; the first of them is `number`."""
    number: int | None = None
    waiting_bytes: int = 0
    slices: list[Slice] = field(default_factory=list)


def run_task(job: Job, task: Task, parts: str, scratch: str, most: int | None = None) -> Outcome:
    """Reads, parses and reduces the task's chunks, or only their first `most` records. The paths of what it leaves
    begin with `parts`; a preview goes to the folder `scratch`.

    Raises InputRefused for a bad record under `on_bad_record: fail`, for corrupt input, and for a header that has
    nothing in common with the columns.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    kit = compiled(job)
    tally = _Tally(stem(parts, task.id), most)
    for chunk in read_task(task, kit.framing, job.chunk_bytes, job.parse.compression, job.parse.encoding):
        _add_chunk(job, kit, task, chunk, tally)
        if tally.records == most:
            break
        if tally.waiting_bytes >= SLICE_CHUNKS * job.chunk_bytes:
            _write_slice(kit, task, tally, scratch)
    _write_slice(kit, task, tally, scratch)
    partial = write_partial(tally.partials, tally.start)
    return Outcome(
        id=task.id,
        shard_name=task.shard.name,
        chunks=tally.chunks,
        lines=tally.lines,
        records=tally.records,
        rejected=tally.rejected,
        rows=tally.rows,
        bytes_stored=_stored_bytes(task),
        bytes_decoded=tally.decoded,
        wall_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
        partial=partial,
        slices=tuple(tally.slices),
        rejects=_rejects_path(tally) if tally.rejected else None,
        absent=tally.absent,
        ignored=tally.ignored,
    )


def _add_chunk(job: Job, parts: Compiled, task: Task, chunk: ChunkBytes | Rows, tally: _Tally) -> None:
    batch = read_chunk(parts.format, task.shard.name, chunk)
    if tally.most is not None:
        batch = first_records(job.parse, chunk, batch, tally.most - tally.records)
    if batch.rejects and job.parse.on_bad_record == "fail":
        raise _bad_record(task, chunk, batch.rejects[0])
    if tally.chunks == 0 and isinstance(chunk, ChunkBytes):
        tally.first_line = chunk.first_line
    if batch.rejects:
        _write_rejects(task, batch, tally)
    with blaming(place_of(task.shard.name, chunk)):
        frame = parts.transform.apply(_with_places(job, task, batch, tally))
        partial = parts.aggregation.partial(frame) if parts.aggregation is not None else None
    tally.chunks += 1
    tally.lines += batch.lines
    tally.records += batch.records
    tally.rows += frame.height
    tally.decoded += len(chunk.data) if isinstance(chunk, ChunkBytes) else int(frame.estimated_size())
    tally.rejected += len(batch.rejects)
    _note_columns(job, batch, tally)
    if partial is not None:
        tally.partials.append(partial)
    else:
        tally.frames.append(frame)
        tally.waiting_bytes += int(frame.estimated_size())
        if tally.number is None:
            tally.number = chunk.id.number if isinstance(chunk, ChunkBytes) else task.number


def _write_rejects(task: Task, batch: Batch, tally: _Tally) -> None:
    """At once: of a task in which every record is bad they would come to more than its bytes."""
    # A chunk that does not know its line is numbered later by the lines of the chunks before it, among which the
    # header is not: test_rejects_of_later_ranges_count_the_header.
    before = tally.lines + (header_lines(task.header) if tally.first_line is None else 0)
    moved = RejectTable.of(batch.rejects).frame.with_columns(pl.col("line") + before)
    write_rejects(
        RejectTable(moved), task.shard.name, tally.first_line, _rejects_path(tally), append=tally.rejected > 0
    )


def _note_columns(job: Job, batch: Batch, tally: _Tally) -> None:
    if batch.absent is not None:
        places = {column.name: place for place, column in enumerate(job.parse.columns or ())}
        absent = frozenset(places[name] for name in batch.absent)
        tally.absent = absent if tally.absent is None else tally.absent & absent
    # A few, and not at length: an outcome is small.
    tally.ignored = tally.ignored or tuple(name[:100] for name in batch.ignored[:3])


def _rejects_path(tally: _Tally) -> str:
    return f"{tally.start}.rejects"


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


def _write_slice(parts: Compiled, task: Task, tally: _Tally, scratch: str) -> None:
    if tally.number is None:
        return
    frame = pl.concat(tally.frames)
    if _is_first(task) and not tally.slices:
        write_preview(frame.head(ROWS), preview_path(scratch))
    paths = [f"{tally.start}.{len(tally.slices)}.sink{index}" for index in range(len(parts.encoders))]
    segments = [encoder.write(frame, path) for encoder, path in zip(parts.encoders, paths, strict=True)]
    tally.slices.append(Slice(tally.number, tuple(segments)))
    tally.frames, tally.number, tally.waiting_bytes = [], None, 0


def _is_first(task: Task) -> bool:
    """A row-wise job's preview is taken from the first chunk of the first shard, which may lie in an archive."""
    return task.number == 0 and not any(task.shard.order)


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
