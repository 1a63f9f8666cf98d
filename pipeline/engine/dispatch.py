"""Chunks to the workers, outcomes back as they complete; a chunk whose worker dies is tried again in a fresh one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pipeline import events
from pipeline.engine.channel import Channel, ChannelClosed
from pipeline.engine.executors import WorkerDied
from pipeline.errors import WorkFailed
from pipeline.model import Outcome, Parcel, Task
from pipeline.protocols import Emit

ATTEMPTS = 3
"""How often a chunk may be given to a worker before it is held to be the killer."""

RunTask: TypeAlias = Callable[[Task], Awaitable[Outcome]]
"""One call into a worker. Raises WorkerDied, or the PipelineError that the work ended with."""


async def dispatch(
    parcels: Channel[Parcel], outcomes: Channel[Outcome], run: RunTask, feeders: int, emit: Emit
) -> None:
    """Gives parcels to `run`, `feeders` at once, until `parcels` is closed and drained; then closes `outcomes`.

    Outcomes are sent in the order in which they complete. What a parcel holds is released when its outcome is there,
    or when the run fails. Raises WorkFailed for a chunk that killed its worker `ATTEMPTS` times. Cancelled: calls
    under way are cancelled, their parcels released.
    """
    async with asyncio.TaskGroup() as group:
        for _ in range(feeders):
            group.create_task(_feed(parcels, outcomes, run, emit))
    await outcomes.close()


async def _feed(parcels: Channel[Parcel], outcomes: Channel[Outcome], run: RunTask, emit: Emit) -> None:
    while True:
        since = time.monotonic()
        try:
            parcel = await parcels.receive()
        except ChannelClosed:
            return
        emit(events.WorkersIdled(time.monotonic() - since))
        try:
            outcome = await _attempt(parcel.task, run, emit)
        finally:
            parcel.release()
        emit(events.TaskDone(outcome))
        await outcomes.send(outcome)


async def _attempt(task: Task, run: RunTask, emit: Emit) -> Outcome:
    for attempt in range(1, ATTEMPTS + 1):
        emit(events.TaskStarted(task, attempt))
        try:
            return await run(task)
        except WorkerDied as death:
            reason = str(death)
            emit(events.WorkerDied(task, attempt, reason))
    raise WorkFailed(
        f"{task.shard.name}: chunk {task.number} ended its worker {ATTEMPTS} times: {reason}",
        "If memory ran out: a smaller run.chunk, or fewer run.workers, needs less of it.",
    )
