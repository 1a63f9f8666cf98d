"""The plug points, on one page: Source, Format, Aggregation, Encoder, Sink; and the two things that every stage is
handed: an Outlet to send to and a Budget to draw from.

Each has a contract suite in `pipeline.testing`; a new part subclasses the suite and is done when it passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from pipeline.events import Event
from pipeline.model import ChunkBytes, ChunkId, Column, Reject, Rows, Segment, Shard

if TYPE_CHECKING:
    import polars as pl

T_contra = TypeVar("T_contra", contravariant=True)


Emit: TypeAlias = Callable[[Event], None]
"""Tells the observers what happened. Never blocks, never raises."""


class Outlet(Protocol[T_contra]):
    """The sending end of a channel."""

    async def send(self, item: T_contra) -> None:
        """Waits while the channel is full. Cancelled: the item was not sent."""
        ...


class Budget(Protocol):
    """The bytes that may be in flight."""

    async def acquire(self, nbytes: int) -> None:
        """Waits, first come first served, until `nbytes` are free. Cancelled: nothing is held."""
        ...

    def release(self, nbytes: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A shard that is open for reading."""

    version: str | None
    """Of these very bytes: `etag ...` or `modified ...` as the server told, the listed one of a file; None: unknown."""
    body: AsyncIterator[bytes]
    """The bytes as stored, in pieces of any size."""


class Source(Protocol):
    """Lists shards and opens them. Lives in the parent, on the loop."""

    def list(self) -> AsyncIterator[Shard]:
        """The shards in canonical order. Raises InputMissing for a literal name that is gone."""
        ...

    def open(self, shard: Shard) -> AbstractAsyncContextManager[Opened]:
        """The shard's bytes, and their version, which may be newer than the shard's. Raises TransientError where
        another try may help.

        Leaving the context, cancelled or not, closes the file or connection."""
        ...


class Format(Protocol):
    """Bytes to records. Lives in a worker, built from a ParseSpec; knows nothing of shards, loops or sinks."""

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:
        """Names and types, from a sample of whole records. The answer depends on the sample only."""
        ...

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """Every record of the chunk, as a row or as a reject. Raises InputRefused for what no record can be
        blamed for (a header without a single known column). Reading two halves of a chunk that was cut between
        records gives the rows and rejects of the whole."""
        ...


@dataclass(slots=True)
class Batch:
    """The records of one chunk. `records == frame.height + len(rejects)`, always."""

    frame: pl.DataFrame
    """The configured columns in their order; then `_line` (int64, counted within the chunk from 0) if asked for."""
    rejects: Sequence[Reject]
    lines: int
    """Physical lines read, oversize ones included, header not."""
    absent: tuple[str, ...] | None = None
    """Columns of the spec that the chunk's shard does not have, or no record of the chunk; None: it does not tell."""
    ignored: tuple[str, ...] = ()
    """Columns that the shard has and the spec, whose columns are inferred, has not."""

    @property
    def records(self) -> int:
        return self.frame.height + len(self.rejects)


Tables: TypeAlias = "dict[str, pl.DataFrame]"
"""A partial: `main` with a row a key, and one table a metric that needs more than a row. Keys come first."""


class Aggregation(Protocol):
    """Partial, combine, finalize. Lives in a worker.

    `combine` of partials in canonical order is associative for everything but float rounding, which is fixed by
    combining all chunks in one flat call. Rows of a key stay in the order in which they came.
    """

    def partial(self, frame: pl.DataFrame) -> Tables: ...

    def combine(self, parts: Sequence[Tables]) -> Tables: ...

    def finalize(self, tables: Tables) -> pl.DataFrame:
        """Keys and metrics, a row a key, `having` applied. Raises InputRefused where a sum does not fit."""
        ...

    def order(self, result: pl.DataFrame) -> pl.DataFrame:
        """The result in its final order and length. `order(concat(order(a), order(b))) == order(concat(a, b))`."""
        ...


class Encoder(Protocol):
    """Rows to the bytes of an output format. Lives in a worker, built from a SinkSpec."""

    def write(self, frame: pl.DataFrame, path: str) -> Segment:
        """One segment file with these rows."""
        ...

    def join(self, segments: Sequence[str], schema: pl.Schema, path: str) -> None:
        """One output file from segments in order; a valid file with no rows where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A file at one moment."""

    bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Written:
    """An output that is shown."""

    path: str
    rows: int
    bytes: int
    stamp: FileStamp | None = None
    """Of a file that was renamed into its place: what tells it from any other that may be there a moment later."""


class Sink(Protocol):
    """Puts segments where the user wants them, all or nothing. Lives in the parent, on the loop.

    The sinks of a run are committed in two phases: all `prepare`, and only when every one has, all `show`. So a full
    disk under one leaves the others as they were.
    """

    @property
    def in_place(self) -> bool:
        """True where a reader sees what is written as it is written (a pipe, a device): showing may then take long and
        fail, and cannot be taken back. Such sinks are shown first, while the others can still stay as they were."""
        ...

    async def open(self) -> None:
        """Finds out before any work whether the output can be written, and keeps other runs from it until `show` or
        `abort`. Raises OutputError; Busy where another run is at it."""
        ...

    async def write(self, id: ChunkId, segment: Segment) -> None:
        """Takes one chunk's rows, as it completes, in any order. Returns when they are durable. A run that was resumed
        writes segments again that are durable already: this is cheap.
        Cancelled: the segment counts as not written."""
        ...

    async def prepare(self) -> None:
        """Does everything that takes long or may fail, out of sight. Called at most once, after every write.
        Raises OutputError. Cancelled or failed: the output is as it was, and cannot be shown any more."""
        ...

    async def show(self) -> Written:
        """Shows the result, whole and in canonical order. Called at most once, after `prepare`. Raises OutputError.
        Cancelled: carried to its end, and the cancellation goes on; a sink that is `in_place` stops where it is."""
        ...

    async def abort(self) -> None:
        """Leaves what was there before, unless it was shown. Safe at any time, and more than once."""
        ...


__all__ = [
    "Aggregation",
    "Batch",
    "Budget",
    "Emit",
    "Encoder",
    "Format",
    "Opened",
    "Outlet",
    "Sink",
    "Source",
    "Tables",
    "Written",
]
