"""What observers see: progress, logs and the report are made from these and from nothing else.

Frozen; times are seconds of `time.monotonic()`, sizes bytes. An observer is a callable that takes an event; it
must not block and must not raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pipeline.model import Outcome, ShardOrder, Task


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan is known: `shards` inputs with work left, `bytes_stored` in all where every size is known."""

    job: str
    workers: int
    shards: int
    bytes_stored: int | None
    same: int = 0
    """Inputs beside these that earlier runs have done: nothing is asked of them."""


@dataclass(frozen=True, slots=True)
class ShardOpened:
    order: ShardOrder
    name: str


@dataclass(frozen=True, slots=True)
class BytesFetched:
    """The parent read `count` stored bytes, over the network or from a file."""

    order: ShardOrder
    count: int
    remote: bool


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    name: str
    attempt: int
    wait_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class ShardFetched:
    """All tasks of the shard are on their way."""

    order: ShardOrder
    name: str
    tasks: int


@dataclass(frozen=True, slots=True)
class ShardSkipped:
    """Left out under a `skip` policy."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChunkLeftOut:
    """The result lacks this chunk, of this run or of one before it: it has ended its worker `deaths` times."""

    place: str
    reason: str
    deaths: int


@dataclass(frozen=True, slots=True)
class FetchWaited:
    """Fetching stood still for `wait_s` because the budget or the channel was full: others are the limit."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    task: Task
    attempt: int


@dataclass(frozen=True, slots=True)
class WorkerDied:
    task: Task | None
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class TaskDone:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WorkersIdled:
    """A worker waited `wait_s` for a task: fetching is the limit."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class SinkWrote:
    """A segment is durable; it took `wall_s`."""

    rows: int
    bytes: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class CombineStarted:
    rows: int
    """Of all partials."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What is no error, but may be a mistake in the config."""

    message: str


@dataclass(frozen=True, slots=True)
class OutputCommitted:
    path: str
    rows: int
    bytes: int


Event: TypeAlias = (
    RunStarted
    | ShardOpened
    | BytesFetched
    | RetryScheduled
    | ShardFetched
    | ShardSkipped
    | ChunkLeftOut
    | FetchWaited
    | TaskStarted
    | WorkerDied
    | TaskDone
    | WorkersIdled
    | SinkWrote
    | CombineStarted
    | Noticed
    | OutputCommitted
)
