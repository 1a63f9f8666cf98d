"""The nouns: what moves between the stages.

Frozen, plain values. All of them pickle (they cross to the workers), all of them hash (a worker compiles a
`Job` once and keeps it). Bytes are counted in bytes, lines from 1, chunks from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

# --- shards and chunks -----------------------------------------------------------------------------------------

ShardOrder: TypeAlias = tuple[int, ...]
"""Where a shard stands in the canonical order: (7,) is the eighth input, (7, 2) the third member of its archive."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One input object: a file, a URL, a member of an archive."""

    order: ShardOrder
    name: str
    """What people see. Never carries credentials."""
    location: str
    """Path or URL to open, as configured."""
    size: int | None = None
    """Stored bytes, of a member those in its archive, where a listing told."""
    version: str | None = None
    """What a server or a file system tells one content from the next by: equal versions mean equal bytes."""
    member: str | None = None
    """Name inside the archive at `location`."""
    optional: bool = False
    """A glob has found it: it may be gone by the time it is read."""
    checksum: str | None = None
    """Of a local file, where the job asks for it."""

    @property
    def content(self) -> str | None:
        """What the journal knows the content by: the checksum, or else the version."""
        return self.checksum or self.version


@dataclass(frozen=True, slots=True, order=True)
class ChunkId:
    """The unit of CPU work, retry and journal: sorts in canonical order."""

    shard: ShardOrder
    number: int

    def __str__(self) -> str:
        return ".".join(map(str, self.shard)) + f":{self.number}"


# --- framing: how the bytes of a shard fall into records ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lines:
    """Records end at a newline; inside an open `quote` a newline is data."""

    quote: str = ""
    """One ASCII character, or empty: newlines always end a record."""
    header: bool = False
    """The first record names the columns. It is handed over apart from the data."""
    max_record_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Whole:
    """The shard is one record, as large as `max_record_bytes`."""

    max_record_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class RowGroups:
    """The shard is a parquet file: a chunk is a row group, read from a file that can seek."""


Framing: TypeAlias = Lines | Whole | RowGroups


# --- what a worker is asked to do to every chunk: the compiled config --------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type: string, bool, int8-int64, uint8-uint64, float32, float64, decimal(p, s), date,
    datetime, datetime(format), duration. Types are spelled in lower case without spaces outside brackets."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ParseSpec:
    """The `parse` section, every default filled in. `columns` is None until `inferred`."""

    format: str
    header: bool = True
    columns: tuple[Column, ...] | None = None
    inferred: bool = False
    """`columns` are those of the first shard with a record: no config has named them."""
    delimiter: str = ","
    quote: str = '"'
    null_values: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    compression: str = "auto"
    widths: tuple[int, ...] = ()
    """Fixed width only: the width of each of `columns`, in characters."""
    on_bad_record: Literal["reject", "fail"] = "reject"
    max_record_bytes: int = 8 << 20
    shard_column: bool = False
    """The job speaks of `_shard`."""
    line_column: bool = False
    """The job speaks of `_line`."""


@dataclass(frozen=True, slots=True)
class Where:
    condition: str


@dataclass(frozen=True, slots=True)
class Derive:
    columns: tuple[tuple[str, str], ...]
    """(name, SQL expression), evaluated side by side: none sees another of the same step."""


@dataclass(frozen=True, slots=True)
class Select:
    columns: tuple[str, ...]


Step: TypeAlias = Where | Derive | Select


@dataclass(frozen=True, slots=True)
class AggregateSpec:
    by: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    """(output name, "sum(match_count)")."""
    having: str | None = None
    order_by: tuple[str, ...] = ()
    """Names; a leading minus means descending."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class SinkSpec:
    path: str
    """`-` is standard output."""
    format: str
    """parquet, csv, ndjson, json or arrow."""
    compression: str = "none"
    """none, gzip or zstd, of the file as a whole."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a worker must know. Equal jobs give equal results on equal chunks."""

    parse: ParseSpec
    transform: tuple[Step, ...]
    aggregate: AggregateSpec | None
    sinks: tuple[SinkSpec, ...]
    chunk_bytes: int


# --- work: where a worker finds its bytes ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Range:
    """One chunk of a plain local file that the worker reads itself: the records that start in [start, stop)."""

    path: str
    start: int
    stop: int
    quoted: bool = False
    """Byte `start` lies inside an open quote."""


@dataclass(frozen=True, slots=True)
class Span:
    """One chunk that the parent has cut: exactly the bytes [start, stop) of a (memory) file, whole records."""

    path: str
    start: int
    stop: int
    first_byte: int
    """Where in the decoded shard byte `start` belongs."""
    oversize: tuple[Oversize, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A whole shard as it is stored, at most a chunk's worth: the worker inflates, decodes and cuts it."""

    path: str
    size: int
    compression: str
    member: str | None = None
    """Name inside the zip archive at `path`."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One row group of a parquet file."""

    path: str
    group: int


Place: TypeAlias = Range | Span | Stored | Rows


@dataclass(frozen=True, slots=True)
class Task:
    """What one call into a worker does: one chunk of a shard, or, of a small stored shard, all of them."""

    shard: Shard
    number: int
    """Of the first chunk."""
    place: Place
    header: bytes | None = None
    """The header record, where the bytes do not begin with it."""
    first_line: int | None = None
    """Physical line of the first record, where known; of a Range: of the byte it starts with."""

    @property
    def id(self) -> ChunkId:
        return ChunkId(self.shard.order, self.number)


@dataclass(eq=False, slots=True)
class Parcel:
    """A task on its way, and what it holds until its outcome is there."""

    task: Task
    release: Callable[[], None]
    """Gives back the bytes of the budget and the memory file. Called exactly once."""


# --- what a worker reads ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Oversize:
    """A record longer than `max_record_bytes`: not in the chunk's data, a reject all the same."""

    byte: int
    """Where it starts in the decoded shard."""
    line: int
    """Lines before it, counted from the chunk's first."""
    length: int
    """Bytes, without its newline."""
    prefix: bytes
    """Its first bytes, at most 200."""
    lines: int = 1
    """Physical lines it takes: more than one only inside quotes."""


@dataclass(frozen=True, slots=True)
class ChunkBytes:
    """Whole records of one shard, decoded to UTF-8, without BOM and without header."""

    id: ChunkId
    shard_name: str
    data: bytes
    first_byte: int
    """Where `data` starts in the decoded shard."""
    first_line: int | None
    """Physical line of the first record; None: unknown, lines are then counted from 1 within the chunk."""
    header: bytes | None = None
    """The header record without its newline."""
    oversize: tuple[Oversize, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A record refused, and why. `line` counts from the chunk's first record (0) while its number is unknown."""

    line: int
    """Physical lines between the start of the chunk and the record: add the chunk's first line."""
    byte: int
    """Where the record starts in the decoded shard."""
    reason: str
    raw: str
    """The record's text, undecodable bytes as backslash escapes, at most 4,096 characters."""


# --- what comes back ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segment:
    """A file with a part of a result, in a sink's own encoding."""

    path: str
    rows: int
    bytes: int
    crc: int | None = None
    """Of the file, once it is durable."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of one or more chunks that follow each other, in every sink's encoding."""

    number: int
    """Of the first of the chunks."""
    segments: tuple[Segment, ...]
    """One a sink, in the order of the config."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """One table of a partial: an Arrow IPC file, or its bytes where they are few."""

    table: str
    rows: int
    path: str | None
    inline: bytes | None = None
    crc: int | None = None
    """Of its bytes, wherever they lie, once they are durable."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task. Small: it crosses the pool's pipe (under 4 kB); data is in files."""

    id: ChunkId
    shard_name: str
    chunks: int
    lines: int
    """Physical lines in the chunks; a header is in none."""
    records: int
    """Read, rejected ones included."""
    rejected: int
    rows: int
    """Left after the transform."""
    bytes_stored: int
    bytes_decoded: int
    wall_s: float
    cpu_s: float
    partial: tuple[TablePart, ...] = ()
    slices: tuple[Slice, ...] = ()
    """Row-wise jobs: one, or several where a small stored shard has inflated to much."""
    rejects: str | None = None
    """Path of an ndjson file of the rejects of this task."""
    rejects_crc: int | None = None
    """Of that file, once it is durable."""
    absent: frozenset[int] | None = None
    """Places in the spec of the columns that no chunk has; None: none of them tells."""
    ignored: tuple[str, ...] = ()
    """Some of the columns that the shard has and the spec, whose columns are inferred, has not."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception of a worker as plain data: exception classes may not survive the way back."""

    error: str
    """Name of a class of `pipeline.errors`, or of the foreign exception."""
    message: str
    traceback: str = field(default="", repr=False)
