"""What is left to do of a plan, as the stages need it; and the plan as the journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.engine.plan import Plan, bytes_stored
from pipeline.engine.recipe import encodings_of, recipe_of
from pipeline.engine.recorder import Entry
from pipeline.engine.standing import Standing
from pipeline.fetch.outgoing import HOLD_FACTOR
from pipeline.journal import Journal, sort_key
from pipeline.model import Range, Shard, ShardOrder, Stored, Task


@dataclass(frozen=True, slots=True)
class Work:
    """The shards that are new, changed or unfinished."""

    shards: tuple[Shard, ...]
    entries: dict[ShardOrder, Entry]
    """Of each of them."""
    same: int
    """How many others there are: their work is done."""
    rejected_same: int = 0
    """Records of these others that were rejected."""
    rejected_before_at_most: int = 0
    """The same with those of the tasks that need no work."""

    def rejected_before(self) -> int:
        """As far as it still holds: a shard that was begun anew since has none."""
        return self.rejected_same + sum(entry.rejected for entry in self.entries.values())

    @property
    def bytes_stored(self) -> int | None:
        return bytes_stored(self.shards)


def work_of(plan: Plan, journal: Journal) -> Work:
    """Gives every input its row and its place in the journal. One that is listed twice is worked on once."""
    recipe, encodings = recipe_of(plan.job), encodings_of(plan.job)
    inputs = {standing.identity: standing for standing in reversed(plan.standings)}
    new = [standing for standing in inputs.values() if standing.row is None]
    added = journal.add_shards(
        recipe, ((each.identity, each.shard.name, each.shard.content, plan.job.chunk_bytes) for each in new)
    )
    ids = {each.identity: each.row.id for each in inputs.values() if each.row is not None}
    ids |= {each.identity: id for each, id in zip(new, added, strict=True)}
    journal.place(
        ((sort_key(standing.shard.order), ids[standing.identity], standing.shard.name) for standing in plan.standings),
        plan.left_out,
    )
    left = plan.left
    deaths: dict[int, dict[tuple[str, int], int]] = {}
    for (shard, member, number), count in journal.deaths().items():
        deaths.setdefault(shard, {})[member, number] = count
    entries: dict[ShardOrder, Entry] = {}
    for standing in left:
        entry = _entry(plan, standing, ids[standing.identity])
        if standing.row is not None and entry.version is not None:
            entry.settled = journal.tasks_settled(entry.id, encodings)
            entry.deaths = deaths.get(entry.id, {})
        entries[standing.shard.order] = entry
    same = sum(standing.how == "same" for standing in plan.standings)
    work = Work(tuple(standing.shard for standing in left), entries, same, _count_rejected(entries, journal))
    return replace(work, rejected_before_at_most=work.rejected_before())


def _count_rejected(entries: Mapping[ShardOrder, Entry], journal: Journal) -> int:
    """Those of the shards that have no entry; those of settled tasks are added to their entries."""
    same, by_id = 0, {entry.id: entry for entry in entries.values()}
    for shard, member, number, rejected in journal.rejected():
        if (entry := by_id.get(shard)) is None:
            same += rejected
        elif (member, number) in entry.settled:
            entry.rejected += rejected
    return same


def is_whole(task: Task) -> bool:
    """Whether the task is all of its shard: nothing else has been read of it."""
    match task.place:
        case Stored():
            return True
        case Range(_, 0, stop):
            return stop == task.shard.size
        case _:
            return False


def _entry(plan: Plan, standing: Standing, id: int) -> Entry:
    """A shard keeps the chunk size that it was begun with, unless the budget is too small for it now: then it has no
    version that anything is done of."""
    chunk_bytes = standing.row.chunk_bytes if standing.row else plan.job.chunk_bytes
    if chunk_bytes * HOLD_FACTOR > plan.config.run.memory_bytes:
        return Entry(id, None, plan.job.chunk_bytes)
    return Entry(id, standing.shard.content, chunk_bytes)
