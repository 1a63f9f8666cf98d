"""What one fetch stage is made of: its settings, and the calls it makes to the outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pipeline.codecs.encoding import UTF8, encoding_name
from pipeline.codecs.scan import LineScan
from pipeline.fetch.retry import RetryPolicy
from pipeline.model import Framing, Shard
from pipeline.protocols import Emit, Opened

Open: TypeAlias = Callable[[Shard], AbstractAsyncContextManager[Opened]]
"""`Source.open`: a shard whose location is a path is read there, also if the run made that file."""

Scan: TypeAlias = Callable[[str, int, int, int], Awaitable[LineScan]]
"""(path, chunk bytes, first chunk, chunks): `codecs.scan.scan_lines` in a worker."""

RowGroupSizes: TypeAlias = Callable[[str], Awaitable[Sequence[tuple[int, int]]]]
"""Rows and bytes of each row group of the parquet file at a path, found out in a worker."""

BATCH_BYTES: Final = 1 << 20
"""Of a stream, handed to a thread at once: a hop costs as much as inflating some tens of kilobytes."""


@dataclass(frozen=True, slots=True)
class FetchSpec:
    """How shards become tasks."""

    framing: Framing
    chunk_bytes: int
    """Of a shard that begins now; `Fetching.begin` tells that of each."""
    work_folder: str
    """Where archives and parquet files from servers lie while they are needed."""
    compression: str = "auto"
    encoding: str = UTF8
    count_lines: bool = False
    """Every task knows its first line: costs a pass over plain files."""
    concurrency: int = 16
    """Shards at once."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    on_missing: Literal["fail", "skip"] = "fail"

    @property
    def is_utf8(self) -> bool:
        return encoding_name(self.encoding) == UTF8


@dataclass(frozen=True, slots=True)
class Begun:
    """What the journal has of one version of a shard."""

    chunk_bytes: int
    """The chunk size it was begun with: numbers of tasks mean nothing with another. A budget must fit it."""
    done: frozenset[int] = frozenset()
    """The numbers of the tasks that are done."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """The settings and the outside."""

    spec: FetchSpec
    open: Open
    scan: Scan
    row_groups: RowGroupSizes
    threads: Executor
    emit: Emit
    begin: Callable[[Shard], Begun]
    """Called when a shard's version is known, before its first task is sent; again for each attempt at it. Members that
    are found in an archive begin too, each before its first task, and have tasks of their own that are done."""
    end: Callable[[Shard, int], None]
    """Called once for a shard that fetch was given, with its version, when all its tasks have been sent or were done
    before: how many there are in all. An archive's are those of all its members."""
    skip: Callable[[Shard, str], Awaitable[None]]
    """Awaited for a shard that is left out, with the reason."""
