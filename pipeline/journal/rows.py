"""What the journal gives back."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model import ShardOrder


@dataclass(frozen=True, slots=True)
class ShardRow:
    """What is known of one version of an input."""

    id: int
    identity: str
    version: str | None
    chunk_bytes: int
    """The chunk size that it was begun with."""
    tasks: int | None
    """How many there are; None while that is not known."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A chunk that was given up because it kept ending its worker."""

    place: str
    """Shard and chunk, for people."""
    deaths: int
    reason: str


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a run has shown, and how to tell that it is still that."""

    path: str
    result: str
    """Names what is in it: equal names, equal content."""
    bytes: int
    mtime_ns: int
    inode: int


def sort_key(order: ShardOrder) -> str:
    """Text that sorts as the tuple does, for up to 10^9 shards and members; of no member, the empty text."""
    return ".".join(f"{number:09d}" for number in order)
