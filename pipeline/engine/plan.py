"""The plan: what a run will do, known before it begins: how every shard stands, and the job with nothing left open."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import orjson

from pipeline.codecs.stored import naming
from pipeline.config import Config, job_of
from pipeline.engine.calls import Calls
from pipeline.engine.early import early_faults, name_faults
from pipeline.engine.outputs import rejects_path
from pipeline.engine.recipe import columns_key, encodings_of, headers_key, job_key, recipe_of
from pipeline.engine.standing import Standing, known_versions, standings
from pipeline.errors import InputMissing
from pipeline.events import Event, ShardSkipped
from pipeline.fetch.checksums import with_checksums
from pipeline.fetch.fetching import Begun, Fetching, FetchSpec
from pipeline.fetch.inputs import Inputs, InputSpec
from pipeline.fetch.retry import RetryPolicy
from pipeline.fetch.sample import MOST_PASSED_OVER, has_record, sample
from pipeline.journal import Journal, ShardRow
from pipeline.model import ChunkBytes, Column, Job, Shard
from pipeline.parse import framing_of
from pipeline.protocols import Emit

if TYPE_CHECKING:
    from pipeline.worker.prepare import Prepared

T = TypeVar("T")

ALL_MISSING = "fetch.on_missing is skip, which leaves out some inputs, not all."

CONCURRENCY = 32
"""Shards at once where `fetch.concurrency` is auto."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs to know of its job."""

    config: Config
    job: Job
    standings: tuple[Standing, ...]
    """Every input in canonical order."""
    gone: tuple[str, ...]
    """Inputs of the last run that are no more."""
    inputs: Inputs
    fetching: Fetching
    """Knows of no journal yet: a run gives it one."""
    workers: int
    rejects: str
    """Where the rejects go, if there are any."""
    result: tuple[tuple[str, str], ...]
    """The columns of the result: (name, type)."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Inputs that were skipped so far: (name, reason)."""
    facts: tuple[tuple[str, str], ...] = ()
    """What was found out, to be kept once the run has a result: what a failed run has inferred is not to bind those
    after it."""

    @property
    def shards(self) -> tuple[Shard, ...]:
        return tuple(standing.shard for standing in self.standings)

    @property
    def left(self) -> tuple[Standing, ...]:
        """With work left: one that is listed twice is worked on once."""
        once = {each.identity: each for each in reversed(self.standings)}
        return tuple(each for each in self.standings if each.how != "same" and once[each.identity] is each)

    @property
    def rejects_shown(self) -> str:
        """The same, as a person in the working directory would write it."""
        return os.path.relpath(self.rejects)


def bytes_stored(shards: Sequence[Shard]) -> int | None:
    """Of all shards, where every size is known."""
    sizes = [shard.size for shard in shards]
    return None if None in sizes else sum(size or 0 for size in sizes)


@asynccontextmanager
async def planned(
    config: Config,
    date: dt.date | None,
    calls: Calls,
    folder: str,
    emit: Emit,
    *,
    journal: Journal | None = None,
    summary: str | None = None,
) -> AsyncIterator[Plan]:
    """Lists the inputs, asks servers for the versions of those that the journal has, and prepares the job; its
    connections last as long as the context. `summary` is one more file that the run writes.

    Reads no data, but for the first megabyte of the first shard with a record where neither the config nor the journal
    tells the columns. Raises InputMissing, ConfigError for expressions that do not fit the columns, and what reading
    the sample raises.
    """
    job = job_of(config)
    if any(name_faults(config, run_date(date))):
        raise config.refused(await early_faults(config, run_date(date), calls))
    rejects = rejects_path(config.name, job.sinks)
    left_out: list[tuple[str, str]] = []

    def see(event: Event) -> None:
        if isinstance(event, ShardSkipped):
            left_out.append((event.name, event.reason))
        emit(event)

    async with Inputs(_input_spec(config, date, (rejects, *([summary] if summary else []))), see) as inputs:
        shards = tuple([shard async for shard in inputs.list()])
        fetching = _fetching(config, job, inputs, calls, folder=folder, emit=emit)
        job, result, facts = await _prepared(config, shards, fetching, calls, journal)
        rows: list[ShardRow] = []
        settled: dict[int, int] = {}
        asked = headers_key(config.fetch.headers)
        gone: tuple[str, ...] = ()
        if journal is not None:
            recipe, encodings = recipe_of(job), encodings_of(job)
            rows = await _read(journal.shards, recipe)
            settled = await _read(journal.settled, recipe, encodings)
            shards = tuple(await inputs.survey(shards, known_versions(shards, rows, asked)))
            if not shards:
                raise InputMissing(
                    "every input is missing", "fetch.on_missing is skip, which leaves out some, not all."
                )
            names = {shard.name for shard in shards}
            gone = tuple(name for _, _, name in await _read(journal.positions) if name not in names)
        if config.fetch.changes == "content":
            shards = await with_checksums(shards, inputs.threads)
        yield Plan(
            config,
            job,
            standings(shards, rows, settled, asked),
            gone,
            inputs,
            replace(fetching, emit=emit),
            calls.workers,
            rejects,
            result,
            tuple(left_out),
            facts,
        )


async def _read(query: Callable[..., T], *args: object) -> T:
    """One query: they come one after the other, before the run writes."""
    return await asyncio.to_thread(query, *args)


async def _prepared(
    config: Config, shards: Sequence[Shard], fetching: Fetching, calls: Calls, journal: Journal | None
) -> tuple[Job, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """The job with its columns, and those of the result: as the journal has them, or found out; and what it is to keep.

    Inferred types are kept for as long as `parse` stays as it is: what came out yesterday and what comes out tonight
    have the same columns. Where no input had a record there was nothing to infer from, and nothing is kept:
    test_types_of_a_quiet_night_are_not_kept."""
    job = job_of(config)
    key = job_key(job)
    if journal is not None and (kept := await _read(journal.fact, key)):
        fact = orjson.loads(kept)
        columns = tuple(Column(name, type) for name, type in fact["columns"])
        return _with_columns(job, columns), tuple((name, type) for name, type in fact["result"]), ()
    job_columns_key = columns_key(job)
    if job.parse.columns is None and journal is not None and (kept := await _read(journal.fact, job_columns_key)):
        job = _with_columns(job, tuple(Column(name, type) for name, type in orjson.loads(kept)))
    if job.parse.columns is None:
        shard, begin = await _telling_sample(shards, fetching)
        with naming(shard) if isinstance(begin, str) else nullcontext():
            prepared = await checked(config, job, begin, calls)
        told = isinstance(begin, str) or has_record(begin)
    else:
        prepared, told = await checked(config, job, None, calls), True
    columns_found = [(column.name, column.type) for column in prepared.job.parse.columns or ()]
    fact = {"columns": columns_found, "result": prepared.result}
    facts = ((job_columns_key, orjson.dumps(columns_found).decode()), (key, orjson.dumps(fact).decode()))
    return prepared.job, prepared.result, facts if told else ()


def _with_columns(job: Job, columns: tuple[Column, ...]) -> Job:
    return replace(job, parse=replace(job.parse, columns=columns, inferred=job.parse.columns is None))


async def checked(config: Config, job: Job, sample: ChunkBytes | str | None, calls: Calls) -> Prepared:
    """The job with nothing left open; needs no input where it knows its columns. Raises ConfigError for expressions
    that do not fit them."""
    prepared = await calls.prepare(job, sample)
    if prepared.complaints:
        raise config.refused((fault.path, fault.problem) for fault in prepared.complaints)
    return prepared


def run_date(date: dt.date | None) -> dt.date:
    """What `{date}` stands for: the date of the command line, else today."""
    return date or dt.datetime.now().astimezone().date()


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


def _input_spec(config: Config, date: dt.date | None, beside: Sequence[str]) -> InputSpec:
    written = [sink.path for sink in config.sinks if sink.path != "-"]
    return InputSpec(
        inputs=config.inputs,
        date=run_date(date),
        own=frozenset(map(os.path.realpath, (*written, *beside, config.run.state))),
        archives=config.parse.compression == "auto",
        on_missing=config.fetch.on_missing,
        headers=config.fetch.headers,
        timeout_s=config.fetch.timeout_s,
        concurrency=_concurrency(config),
        per_host=config.fetch.per_host,
        retry=RetryPolicy(config.fetch.retries),
    )


def _concurrency(config: Config) -> int:
    return CONCURRENCY if config.fetch.concurrency == "auto" else config.fetch.concurrency


def _fetching(config: Config, job: Job, inputs: Inputs, calls: Calls, *, folder: str, emit: Emit) -> Fetching:
    spec = FetchSpec(
        framing=framing_of(job.parse),
        chunk_bytes=job.chunk_bytes,
        work_folder=folder,
        compression=job.parse.compression,
        encoding=job.parse.encoding,
        count_lines=job.parse.line_column,
        concurrency=_concurrency(config),
        retry=RetryPolicy(config.fetch.retries),
        on_missing=config.fetch.on_missing,
    )
    scan = functools.partial(calls.scan_lines, job)
    return Fetching(
        spec,
        inputs.open,
        scan,
        calls.row_groups,
        inputs.threads,
        emit,
        lambda _: Begun(job.chunk_bytes),
        lambda *_: None,
        _pass_over,
    )


async def _pass_over(_shard: Shard, _reason: str) -> None:
    """Where no journal is kept."""
