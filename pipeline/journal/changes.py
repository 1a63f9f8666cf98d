"""What a run tells its journal, as values: many of them make one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pipeline.model import ChunkId, Outcome


@dataclass(frozen=True, slots=True)
class Begin:
    """A version of the shard is being read that the journal has nothing of: what it had of another is void."""

    shard: int
    version: str | None
    chunk_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """All tasks of the shard are known: so many."""

    shard: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Done:
    """A task is done, and what it made is on the disk."""

    shard: int
    member: str
    outcome: Outcome
    encodings: tuple[str, ...] = ()
    """Of the segments of each slice."""


@dataclass(frozen=True, slots=True)
class Died:
    """A chunk has ended its worker, `deaths` times by now; poison is not tried again."""

    shard: int
    member: str
    id: ChunkId
    deaths: int
    poison: bool
    reason: str
    place: str


Change: TypeAlias = Begin | Ended | Done | Died
