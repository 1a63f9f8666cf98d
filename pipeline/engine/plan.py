"""The plan: what a run will do, known before it begins: the shards in order, and the job with nothing left open."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pipeline.config import Config, job_of
from pipeline.engine.calls import Calls
from pipeline.engine.outputs import rejects_path
from pipeline.errors import ConfigError, InputMissing
from pipeline.fetch.fetching import Fetching, FetchSpec
from pipeline.fetch.inputs import Inputs, InputSpec
from pipeline.fetch.retry import RetryPolicy
from pipeline.fetch.sample import sample
from pipeline.model import ChunkBytes, Job, Shard
from pipeline.parse import framing_of
from pipeline.protocols import Emit

CONCURRENCY = 32
"""Shards at once where `fetch.concurrency` is auto."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs to know of its job."""

    config: Config
    job: Job
    shards: tuple[Shard, ...]
    inputs: Inputs
    fetching: Fetching
    workers: int
    rejects: str
    """Where the rejects go, if there are any."""
    result: tuple[tuple[str, str], ...]
    """The columns of the result: (name, type)."""

    @property
    def rejects_shown(self) -> str:
        """The same, as a person in the working directory would write it."""
        return os.path.relpath(self.rejects)

    @property
    def bytes_stored(self) -> int | None:
        """Of all shards, where every size is known."""
        sizes = [shard.size for shard in self.shards]
        return None if None in sizes else sum(size or 0 for size in sizes)


@asynccontextmanager
async def planned(config: Config, date: dt.date | None, calls: Calls, folder: str, emit: Emit) -> AsyncIterator[Plan]:
    """Lists the inputs and prepares the job; its connections last as long as the context.

    Reads no data, but for the first megabyte of the first shard where the config leaves the columns open. Raises
    InputMissing, ConfigError for expressions that do not fit the columns, and what reading the sample raises.
    """
    job = job_of(config)
    rejects = rejects_path(config.name, job.sinks)
    async with Inputs(_input_spec(config, date, rejects), emit) as inputs:
        shards = tuple([shard async for shard in inputs.list()])
        fetching = _fetching(config, job, inputs, calls, folder=folder, emit=emit)
        first = await _first_sample(shards, fetching) if job.parse.columns is None else None
        prepared = await calls.prepare(job, first)
        if prepared.complaints:
            raise ConfigError(tuple(config.complaint(fault.path, fault.problem) for fault in prepared.complaints))
        yield Plan(config, prepared.job, shards, inputs, fetching, calls.workers, rejects, prepared.result)


async def _first_sample(shards: Sequence[Shard], fetching: Fetching) -> ChunkBytes | str:
    """Of the first shard that is there. Raises InputMissing where one that must be there is not, or none is."""
    for shard in shards[:-1]:
        try:
            return await sample(shard, fetching)
        except InputMissing:
            if fetching.spec.on_missing == "fail" and not shard.optional:
                raise
    return await sample(shards[-1], fetching)


def _input_spec(config: Config, date: dt.date | None, rejects: str) -> InputSpec:
    written = [sink.path for sink in config.sinks if sink.path != "-"]
    return InputSpec(
        inputs=config.inputs,
        date=date or dt.datetime.now().astimezone().date(),
        own=frozenset(map(os.path.realpath, (*written, rejects, config.run.state))),
        archives=config.parse.compression == "auto",
        on_missing=config.fetch.on_missing,
        headers=config.fetch.headers,
        timeout_s=config.fetch.timeout_s,
        concurrency=_concurrency(config),
        per_host=config.fetch.per_host,
    )


def _concurrency(config: Config) -> int:
    """Never more than `per_host`: a shard that holds budget while it waits for a connection, and one that holds a
    connection while it waits for budget, would wait for each other for ever."""
    wanted = CONCURRENCY if config.fetch.concurrency == "auto" else config.fetch.concurrency
    return min(wanted, config.fetch.per_host)


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
    return Fetching(spec, inputs.open, scan, calls.row_groups, inputs.threads, emit)
