"""Prepare: what must be known of a job before its first chunk, found out in a worker, where the libraries are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.model import ChunkBytes, Column, Job
from pipeline.parse import format_of
from pipeline.reduce.type_names import type_name
from pipeline.worker.compiled import compiled
from pipeline.worker.complaints import Complaint, complaints


@dataclass(frozen=True, slots=True)
class Prepared:
    """The job with its columns filled in, and the columns of its result."""

    job: Job
    result: tuple[tuple[str, str], ...]
    """(name, type)."""
    complaints: tuple[Complaint, ...]
    """Where there are any, `result` is empty."""


def prepare(job: Job, sample: ChunkBytes | str | None) -> Prepared:
    """Infers the columns where the config gives none (from a sample, or from the parquet file at a path), then builds
    every part of the job on empty tables and collects what each has to complain of."""
    if job.parse.columns is None:
        job = replace(job, parse=replace(job.parse, columns=_infer(job, sample), inferred=True))
    found = tuple(complaints(job))
    return Prepared(job, () if found else _result(job), found)


def _infer(job: Job, sample: ChunkBytes | str | None) -> tuple[Column, ...]:
    if isinstance(sample, str):
        from pipeline.parse.parquet import infer_file  # noqa: PLC0415 - a job without parquet does not load pyarrow

        return infer_file(sample)
    assert sample is not None, "only a job with columns goes without a sample"
    return format_of(job.parse).infer(sample)


def _result(job: Job) -> tuple[tuple[str, str], ...]:
    return tuple((name, type_name(dtype)) for name, dtype in compiled(job).schema.items())
