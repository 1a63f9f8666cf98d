"""Prepare: what must be known of a job before its first chunk, found out in a worker, where the libraries are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from pipeline.model import AggregateSpec, ChunkBytes, Column, Derive, Job, Select, Step, Where
from pipeline.parse import format_of
from pipeline.reduce.aggregate import GroupBy
from pipeline.reduce.transform import Transform
from pipeline.worker.compiled import compiled, record_schema


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with the config, by the path of the key at fault."""

    path: tuple[str | int, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """The job with its columns filled in, and the columns of its result."""

    job: Job
    result: tuple[tuple[str, str], ...]
    """(name, type as the dataframe library spells it)."""
    complaints: tuple[Complaint, ...]
    """Where there are any, `result` is empty."""


def prepare(job: Job, sample: ChunkBytes | str | None) -> Prepared:
    """Infers the columns where the config gives none (from a sample, or from the parquet file at a path), then builds
    every part of the job on empty tables and collects what each has to complain of."""
    if job.parse.columns is None:
        job = replace(job, parse=replace(job.parse, columns=_infer(job, sample)))
    complaints = tuple(_complaints(job))
    return Prepared(job, () if complaints else _result(job), complaints)


def _infer(job: Job, sample: ChunkBytes | str | None) -> tuple[Column, ...]:
    if isinstance(sample, str):
        from pipeline.parse.parquet import infer_file  # noqa: PLC0415 - a job without parquet does not load pyarrow

        return infer_file(sample)
    assert sample is not None, "only a job with columns goes without a sample"
    return format_of(job.parse).infer(sample)


def _complaints(job: Job) -> Iterator[Complaint]:
    schema = record_schema(job)
    for number, step in enumerate(job.transform):
        found = [
            Complaint(("transform", number, *path), problem)
            for path, part in _parts(step)
            if (problem := _problem(partial(Transform, (part,), schema)))
        ]
        yield from found
        if found:
            return  # what follows would only complain of what is missing here
        schema = Transform((step,), schema).schema
    if job.aggregate is not None:
        yield from _aggregate_complaints(job.aggregate, schema)


def _parts(step: Step) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    """The keys of a step and the smallest steps that can be tried alone."""
    match step:
        case Where():
            yield ("where",), step
        case Derive(columns):
            for name, expression in columns:
                yield ("derive", name), Derive(((name, expression),))
        case Select(columns):
            for number, name in enumerate(columns):
                yield ("select", number), Select((name,))


def _aggregate_complaints(spec: AggregateSpec, schema: pl.Schema) -> Iterator[Complaint]:
    bare = replace(spec, metrics=(), having=None, order_by=(), limit=None)
    tries: list[tuple[tuple[str | int, ...], AggregateSpec]] = [
        *((("by", number), replace(bare, by=(name,))) for number, name in enumerate(spec.by)),
        *((("metrics", name), replace(bare, by=(), metrics=((name, call),))) for name, call in spec.metrics),
    ]
    found = [
        Complaint(("aggregate", *path), problem)
        for path, tried in tries
        if (problem := _problem(partial(GroupBy, tried, schema)))
    ]
    if not found and (problem := _problem(partial(GroupBy, spec, schema))):
        found = [Complaint(("aggregate", "having") if spec.having else ("aggregate",), problem)]
    yield from found


def _problem(build: Callable[[], object]) -> str | None:
    try:
        build()
    except ValueError as error:
        return str(error)
    return None


def _result(job: Job) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(dtype)) for name, dtype in compiled(job).schema.items())
