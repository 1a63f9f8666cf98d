"""Ends a run that has met a damaged part so that the next one mends it: what the part was of is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from pipeline.engine.state import State
from pipeline.errors import DamagedPart
from pipeline.journal import Damage, find_damage


@contextlib.asynccontextmanager
async def damage_forgotten(state: State) -> AsyncIterator[None]:
    """Has the journal forget what was made of each shard with a damaged part, where the body raises DamagedPart, and
    raises it anew, in a group, with what is forgotten. Cancelled: forgotten in part, or not at all.

    A disk that has damaged one part may have damaged more: all are read, so that it costs one run, not one a part."""
    try:
        yield
    except* DamagedPart:
        found = await asyncio.to_thread(lambda: list(find_damage(state.journal.path)))
        if not found:  # a fault of the moment: of the memory, or of the way to the disk
            raise
        await state.ask(_forget, state, found)
        raise _error_of(found) from None


def _forget(state: State, found: Sequence[Damage]) -> None:
    for shard in {each.shard for each in found}:
        state.journal.void(shard)


def _error_of(found: Sequence[Damage]) -> DamagedPart:
    names = sorted({each.name for each in found})
    more = f" (and {len(found) - 1:,} more like it)" if found[1:] else ""
    inputs = names[0] + (f" and {len(names) - 1:,} more" if names[1:] else "")
    reads = "them" if names[1:] else "it"
    return DamagedPart(
        f"{found[0].message}{more}",
        f"What was made of {inputs} is forgotten: the same command reads {reads} again."
        " If this comes back, the disk of run.state fails.",
    )
