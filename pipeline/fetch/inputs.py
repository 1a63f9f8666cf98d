"""The inputs of a job as one source: local names and URLs, mixed, in the order of the config."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Literal, Self

from pipeline.errors import ConfigError, InputMissing
from pipeline.fetch.files import FileSource
from pipeline.fetch.http import HttpSource
from pipeline.fetch.patterns import expand, is_url
from pipeline.fetch.retry import RetryPolicy
from pipeline.fetch.survey import survey
from pipeline.model import Shard
from pipeline.protocols import Emit, Opened, Source

READING_THREADS: Final = 4
"""Beside one a core for inflating: they wait for a disk."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the config says of inputs and how to reach them."""

    inputs: tuple[str, ...]
    date: dt.date
    """What `{date:...}` stands for."""
    own: frozenset[str] = frozenset()
    """Real paths of the files and folders that the job writes."""
    archives: bool = True
    """Members of zip archives are shards."""
    on_missing: Literal["fail", "skip"] = "fail"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 30.0
    concurrency: int = 16
    per_host: int = 16
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """Of questions to servers; fetch has its own."""


class Inputs:
    """A Source, and an async context manager: it owns connections and `threads`."""

    def __init__(self, spec: InputSpec, emit: Emit) -> None:
        self._spec = spec
        self._emit = emit
        self._http = self._urls(())
        self.threads = ThreadPoolExecutor((os.cpu_count() or 1) + READING_THREADS, thread_name_prefix="fetch")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Does not wait for a thread that is stuck in a read."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        await self._http.__aexit__()

    async def list(self) -> AsyncIterator[Shard]:
        """Every shard, numbered through. Raises InputMissing where there is none at all, ConfigError for a pattern
        that stands for too many, and what the sources raise."""
        position = 0
        for names in names_of(self._spec.inputs, self._spec.date):
            for remote, group in groupby(names, is_url):
                some = tuple(group)
                source: Source = self._urls(some) if remote else self._files(some)
                start = position
                async for shard in source.list():
                    position = start + shard.order[0] + 1
                    location = shard.location if remote else _absolute(shard.location)
                    yield replace(shard, order=(position - 1, *shard.order[1:]), location=location)
        if position == 0:
            raise InputMissing("no input was found")

    async def survey(self, shards: Sequence[Shard], known: Mapping[str, str]) -> tuple[Shard, ...]:
        """The shards with the versions that they have now: servers are asked about the URLs that `known` has, by
        location, everything else is given back as it was listed. See `survey.survey`."""
        spec = self._spec
        return await survey(
            shards,
            known,
            self._http.version_now,
            self._emit,
            concurrency=spec.concurrency,
            retry=spec.retry,
            on_missing=spec.on_missing,
        )

    def open(self, shard: Shard) -> AbstractAsyncContextManager[Opened]:
        """As the source that it is of."""
        return self._http.open(shard) if is_url(shard.location) else self._files(()).open(shard)

    async def unchanged(self, shard: Shard) -> bool:
        """Whether a local file is still what was listed, to be asked at the end; a URL was proved while it came."""
        return is_url(shard.location) or await self._files(()).unchanged(shard)

    def _urls(self, urls: Sequence[str]) -> HttpSource:
        spec = self._spec
        return HttpSource(
            urls,
            headers=spec.headers,
            timeout_s=spec.timeout_s,
            concurrency=spec.concurrency,
            per_host=spec.per_host,
        )

    def _files(self, names: Sequence[str]) -> FileSource:
        return FileSource(
            names,
            threads=self.threads,
            emit=self._emit,
            own=self._spec.own,
            on_missing=self._spec.on_missing,
            archives=self._spec.archives,
        )


def names_of(patterns: Sequence[str], date: dt.date) -> Iterator[list[str]]:
    """What each pattern stands for, without a look at any disk. Raises ConfigError for one that stands for too many."""
    for pattern in patterns:
        try:
            yield expand(pattern, date)
        except ValueError as error:
            raise ConfigError((f"inputs: {error}",)) from error


def _absolute(path: str) -> str:
    """A worker's working directory is that of the moment the first one was started."""
    return os.path.abspath(path)  # noqa: PTH100 - links stay links: people know them by these names
