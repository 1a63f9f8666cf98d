"""How each input stands: what the listing says of it against what the journal has. A pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.engine.recipe import identity_of
from pipeline.journal import ShardRow
from pipeline.model import Shard

How: TypeAlias = Literal["new", "changed", "unfinished", "same"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One input of the plan."""

    shard: Shard
    identity: str
    how: How
    row: ShardRow | None
    """Of its version, where the journal has one."""


def standings(
    shards: Iterable[Shard], rows: Sequence[ShardRow], settled: Mapping[int, int], asked: str = ""
) -> tuple[Standing, ...]:
    """Each shard in its order. `rows` are oldest first; `settled` counts the tasks of each that need no work;
    `asked` is as in `identity_of`.

    A shard without a version is always new: nothing proves that it is what it was."""
    known: dict[str, list[ShardRow]] = {}
    for row in rows:
        known.setdefault(row.identity, []).append(row)
    return tuple(_standing(shard, identity_of(shard, asked), known, settled) for shard in shards)


def _standing(shard: Shard, identity: str, known: Mapping[str, list[ShardRow]], settled: Mapping[int, int]) -> Standing:
    of_input = [row for row in known.get(identity, ()) if row.version is not None]
    row = next((row for row in reversed(of_input) if row.version == shard.content), None)
    if row is None:
        return Standing(shard, identity, "changed" if of_input and shard.content is not None else "new", None)
    whole = row.tasks is not None and settled.get(row.id, 0) == row.tasks
    return Standing(shard, identity, "same" if whole else "unfinished", row)


def known_versions(shards: Iterable[Shard], rows: Iterable[ShardRow], asked: str = "") -> dict[str, str]:
    """Location to the version that the journal has last, of the shards that it has: what a server is asked about."""
    versions = {row.identity: row.version for row in rows if row.version is not None}
    return {
        shard.location: version for shard in shards if (version := versions.get(identity_of(shard, asked))) is not None
    }
