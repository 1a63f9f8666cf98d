"""Chunks to the workers, outcomes back as they complete; a chunk whose worker dies is tried again in a fresh one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from pipeline import events
from pipeline.engine.channel import Channel, ChannelClosed
from pipeline.engine.executors import WorkerDied
from pipeline.errors import WorkFailed
from pipeline.model import Outcome, Parcel, Task
from pipeline.protocols import Emit

ATTEMPTS: Final = 3
"""How often a chunk may be given to a worker before it is held to be the killer: poison."""

RunTask: TypeAlias = Callable[[Task], Awaitable[Outcome | None]]
"""One call into a worker; None where the chunk is left out. Raises WorkerDied, or the PipelineError that the work ended
with."""


class Deaths(Protocol):
    """Keeps count, also from one run to the next."""

    def deaths(self, task: Task) -> int:
        """How often the task has ended its worker so far."""
        ...

    async def died(self, task: Task, reason: str, *, poison: bool) -> None:
        """It has done so once more; `poison`: for the last time."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """How a chunk is tried, and what becomes of one that kills."""

    run: RunTask
    deaths: Deaths
    on_poison: Literal["fail", "skip"] = "fail"


async def dispatch(
    parcels: Channel[Parcel], outcomes: Channel[Outcome], trial: Trial, feeders: int, emit: Emit
) -> None:
    """Gives parcels to `trial.run`, `feeders` at once, until `parcels` is closed and drained; then closes `outcomes`.

    Outcomes are sent in the order in which they complete. What a parcel holds is released when its outcome is there,
    or when the run fails. A chunk that has killed its worker `ATTEMPTS` times, or whose work fails with an error that
    is none of the input's, has no outcome under `skip`, and raises WorkFailed under `fail`. Cancelled: calls under way
    are cancelled, their parcels released.
    """
    async with asyncio.TaskGroup() as group:
        for _ in range(feeders):
            group.create_task(_feed(parcels, outcomes, trial, emit))
    await outcomes.close()


async def _feed(parcels: Channel[Parcel], outcomes: Channel[Outcome], trial: Trial, emit: Emit) -> None:
    while True:
        since = time.monotonic()
        try:
            parcel = await parcels.receive()
        except ChannelClosed:
            return
        emit(events.WorkersIdled(time.monotonic() - since))
        try:
            outcome = await _attempt(parcel.task, trial, emit)
        finally:
            parcel.release()
        if outcome is not None:
            emit(events.TaskDone(outcome))
            await outcomes.send(outcome)


async def _attempt(task: Task, trial: Trial, emit: Emit) -> Outcome | None:
    for attempt in range(trial.deaths.deaths(task) + 1, ATTEMPTS + 1):
        emit(events.TaskStarted(task, attempt))
        try:
            return await trial.run(task)
        except WorkerDied as death:
            reason = str(death)
            emit(events.WorkerDied(task, attempt, reason))
            await trial.deaths.died(task, reason, poison=attempt == ATTEMPTS)
        except WorkFailed as error:  # the same the second time
            if trial.on_poison == "fail":
                place = "" if error.message.startswith(task.shard.name) else f"{task.shard.name}: chunk {task.number}: "
                raise WorkFailed(place + error.message, error.hint) from error
            await trial.deaths.died(task, error.message, poison=True)
            return None
    if trial.on_poison == "skip":
        return None
    raise WorkFailed(
        f"{task.shard.name}: chunk {task.number} ended its worker {ATTEMPTS} times: {reason}",
        "If memory ran out: a smaller run.chunk, or fewer run.workers, needs less of it. "
        "With run.on_poison: skip, such a chunk is left out and named.",
    )
