"""A job as a worker holds it: its parts built once, from the plain values that every task carries."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import polars as pl

from pipeline.model import Framing, Job
from pipeline.parse import format_of, framing_of
from pipeline.parse.dtypes import dtype_of
from pipeline.protocols import Aggregation, Encoder, Format
from pipeline.reduce.aggregate import GroupBy
from pipeline.reduce.transform import Transform
from pipeline.sink.encoders import encoder_of


@dataclass(frozen=True, slots=True)
class Compiled:
    """Format, transform, aggregation and encoders of one job."""

    format: Format
    framing: Framing
    transform: Transform
    aggregation: Aggregation | None
    encoders: tuple[Encoder, ...]
    schema: pl.Schema
    """Of the result."""


def record_schema(job: Job) -> pl.Schema:
    """The columns that the transform sees: the configured or inferred ones, then `_line` and `_shard` if wanted."""
    assert job.parse.columns is not None, "columns are inferred before a job is compiled"
    schema = pl.Schema({column.name: dtype_of(column.type) for column in job.parse.columns})
    if job.parse.line_column:
        schema["_line"] = pl.Int64()
    if job.parse.shard_column:
        schema["_shard"] = pl.String()
    return schema


@functools.lru_cache(maxsize=2)
def compiled(job: Job) -> Compiled:
    """Builds the parts of the job. Raises ValueError for what `prepare` would have complained of."""
    transform = Transform(job.transform, record_schema(job))
    aggregation = GroupBy(job.aggregate, transform.schema) if job.aggregate else None
    return Compiled(
        format=format_of(job.parse),
        framing=framing_of(job.parse),
        transform=transform,
        aggregation=aggregation,
        encoders=tuple(encoder_of(sink) for sink in job.sinks),
        schema=aggregation.schema if aggregation else transform.schema,
    )
