"""How the inputs of a config are reached: what it says of sources and of the fetch stage, with its calls."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Sequence

from pipeline.config import Config
from pipeline.engine.calls import Calls
from pipeline.fetch.fetching import Begun, Fetching, FetchSpec
from pipeline.fetch.inputs import Inputs, InputSpec
from pipeline.fetch.retry import RetryPolicy
from pipeline.model import Job, Shard
from pipeline.parse import framing_of
from pipeline.protocols import Emit

CONCURRENCY = 32
"""Shards at once where `fetch.concurrency` is auto."""


def input_spec(config: Config, date: dt.date, beside: Sequence[str]) -> InputSpec:
    """`beside` are files that the run writes beside its outputs."""
    written = [sink.path for sink in config.sinks if sink.path != "-"]
    return InputSpec(
        inputs=config.inputs,
        date=date,
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


def fetching_of(config: Config, job: Job, inputs: Inputs, calls: Calls, *, folder: str, emit: Emit) -> Fetching:
    """Knows of no journal: every shard begins anew. `folder` is for what must lie in a file."""
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
