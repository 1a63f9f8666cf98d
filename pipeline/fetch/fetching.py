"""What one fetch stage is made of: its settings, and the calls it makes to the outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pipeline.codecs.encoding import UTF8, encoding_name
from pipeline.codecs.scan import LineScan
from pipeline.fetch.retry import RetryPolicy
from pipeline.model import Framing, Shard
from pipeline.protocols import Emit

Open: TypeAlias = Callable[[Shard], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""`Source.open`: a shard whose location is a path is read there, also if the run made that file."""

Scan: TypeAlias = Callable[[str, int, int], Awaitable[LineScan]]
"""(path, first chunk, chunks): `codecs.scan.scan_lines` in a worker."""

RowGroupSizes: TypeAlias = Callable[[str], Awaitable[Sequence[tuple[int, int]]]]
"""Rows and bytes of each row group of the parquet file at a path, found out in a worker."""

BATCH_BYTES: Final = 1 << 20
"""Of a stream, handed to a thread at once: a hop costs as much as inflating some tens of kilobytes."""


@dataclass(frozen=True, slots=True)
class FetchSpec:
    """How shards become tasks."""

    framing: Framing
    chunk_bytes: int
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
class Fetching:
    """The settings and the outside."""

    spec: FetchSpec
    open: Open
    scan: Scan
    row_groups: RowGroupSizes
    threads: Executor
    emit: Emit
