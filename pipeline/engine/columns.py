"""The columns of a job and of its result: as configured, as the journal has kept them, or inferred from a sample."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from pipeline.codecs.stored import naming
from pipeline.config import Config, job_of
from pipeline.engine.calls import Calls
from pipeline.engine.recipe import columns_key, job_key
from pipeline.errors import InputMissing
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.sample import MOST_PASSED_OVER, has_record, sample
from pipeline.journal import Journal
from pipeline.model import ChunkBytes, Column, Job, Shard

if TYPE_CHECKING:
    from pipeline.worker.prepare import Prepared

Pairs: TypeAlias = tuple[tuple[str, str], ...]


async def prepared_job(
    config: Config, shards: Sequence[Shard], fetching: Fetching, calls: Calls, journal: Journal | None
) -> tuple[Job, Pairs, Pairs]:
    """The job with its columns, and those of the result: as the journal has them, or found out; and what it is to keep.

    Inferred types are kept for as long as `parse` stays as it is: what came out yesterday and what comes out tonight
    have the same columns. Where no input had a record there was nothing to infer from, and nothing is kept:
    test_types_of_a_quiet_night_are_not_kept."""
    job = job_of(config)
    key = job_key(job)
    if (fact := await _kept(journal, key)) is not None:
        columns = tuple(Column(name, type) for name, type in fact["columns"])
        return _with_columns(job, columns), tuple((name, type) for name, type in fact["result"]), ()
    job_columns_key = columns_key(job)
    if job.parse.columns is None and (kept := await _kept(journal, job_columns_key)) is not None:
        job = _with_columns(job, tuple(Column(name, type) for name, type in kept))
    if job.parse.columns is None:
        shard, begin = await _telling_sample(shards, fetching)
        with naming(shard) if isinstance(begin, str) else nullcontext():
            prepared = await checked(config, job, begin, calls)
        told = isinstance(begin, str) or has_record(begin)
    else:
        prepared, told = await checked(config, job, None, calls), True
    columns_found = [(column.name, column.type) for column in prepared.job.parse.columns or ()]
    both = {"columns": columns_found, "result": prepared.result}
    facts = ((job_columns_key, orjson.dumps(columns_found).decode()), (key, orjson.dumps(both).decode()))
    return prepared.job, prepared.result, facts if told else ()


async def _kept(journal: Journal | None, key: str) -> Any:
    """A fact as its JSON says it, or None."""
    kept = None if journal is None else await asyncio.to_thread(journal.fact, key)
    return None if kept is None else orjson.loads(kept)


async def checked(config: Config, job: Job, sample: ChunkBytes | str | None, calls: Calls) -> Prepared:
    """The job with nothing left open; needs no input where it knows its columns. Raises ConfigError for expressions
    that do not fit them."""
    prepared = await calls.prepare(job, sample)
    if prepared.complaints:
        raise config.refused((fault.path, fault.problem) for fault in prepared.complaints)
    return prepared


def _with_columns(job: Job, columns: tuple[Column, ...]) -> Job:
    return replace(job, parse=replace(job.parse, columns=columns, inferred=job.parse.columns is None))


async def _telling_sample(shards: Sequence[Shard], fetching: Fetching) -> tuple[Shard, ChunkBytes | str]:
    """Of the first shard with a record among the first `MOST_PASSED_OVER` that are there; where none has one, of the
    first with a header, for its names. Raises InputMissing where a shard that must be there is not, or none is."""
    found: list[tuple[Shard, ChunkBytes]] = []
    missing: InputMissing | None = None
    for shard in shards:
        try:
            begin = await sample(shard, fetching)
        except InputMissing as error:
            if fetching.spec.on_missing == "fail" and not shard.optional:
                raise
            missing = error
            continue
        if isinstance(begin, str) or has_record(begin):
            return shard, begin
        found.append((shard, begin))
        if len(found) == MOST_PASSED_OVER:
            break
    if not found:
        raise missing or InputMissing("no input")
    return next(((shard, begin) for shard, begin in found if begin.header is not None), found[0])
