"""Shards, jobs, outcomes and what they leave on the disk, for tests of what keeps and plans them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.model import (
    AggregateSpec,
    ChunkId,
    Column,
    Job,
    Outcome,
    ParseSpec,
    Segment,
    Shard,
    ShardOrder,
    SinkSpec,
    Slice,
    Span,
    TablePart,
    Task,
)

CSV = SinkSpec("out/result.csv", "csv")
NDJSON = SinkSpec("out/result.ndjson.gz", "ndjson", "gzip")


def shard_of(*order: int, version: str | None = "v1", name: str = "") -> Shard:
    name = name or "in/" + ".".join(map(str, order)) + ".csv"
    return Shard(order, name, name, size=10, version=version)


def task_of(shard: Shard, number: int) -> Task:
    return Task(shard, number, Span(shard.location, 0, 0, 0))


def outcome_of(
    shard: ShardOrder,
    number: int,
    *,
    lines: int = 1,
    records: int = 1,
    rejected: int = 0,
    parts: Sequence[TablePart] = (),
    slices: Sequence[Slice] = (),
    rejects: str | None = None,
    chunks: int = 1,
) -> Outcome:
    name = shard_of(*shard).name
    return Outcome(
        ChunkId(shard, number),
        name,
        chunks,
        lines,
        records,
        rejected,
        records - rejected,
        0,
        0,
        0.0,
        0.0,
        tuple(parts),
        tuple(slices),
        rejects,
    )


def part_file(path: Path, content: bytes, table: str = "main", rows: int = 1) -> TablePart:
    """A table of a partial, in a file that is made here."""
    path.write_bytes(content)
    return TablePart(table, rows, str(path))


def slice_files(start: Path, number: int, contents: Sequence[bytes]) -> Slice:
    """The rows of chunk `number` in as many encodings as there are contents, in files that are made here."""
    segments: list[Segment] = []
    for index, content in enumerate(contents):
        path = start.with_name(f"{start.name}.sink{index}")
        path.write_bytes(content)
        segments.append(Segment(str(path), content.count(b"\n"), len(content)))
    return Slice(number, tuple(segments))


def rowwise_job(*sinks: SinkSpec, chunk_bytes: int = 100) -> Job:
    parse = ParseSpec("csv", columns=(Column("a", "int64"),))
    return Job(parse, (), None, sinks or (CSV,), chunk_bytes)


def aggregating_job(*sinks: SinkSpec, chunk_bytes: int = 100) -> Job:
    parse = ParseSpec("csv", columns=(Column("a", "int64"),))
    return Job(parse, (), AggregateSpec(("a",), (("n", "count()"),)), sinks or (CSV,), chunk_bytes)
