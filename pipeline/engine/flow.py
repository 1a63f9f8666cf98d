"""One run, from the plan to the commit: where the stages meet. Read this first.

        fetch ──parcels──► dispatch ──outcomes──► store        then, once:  combine ─► write ─► commit
          │                   │                     │
        budget of bytes    run_task in          sinks, then
                           a worker             the journal

The two channels are bounded, so a slow stage holds back the ones before it; the budget bounds the bytes between the
first read and the end of the task. Whatever ends a run early, an error or a cancellation, ends every stage, kills the
workers that are at it, leaves every output as it was and removes the run's folder.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline import events
from pipeline.engine.calls import Calls
from pipeline.engine.channel import Channel
from pipeline.engine.combining import combine
from pipeline.engine.dispatch import dispatch
from pipeline.engine.memory import MemoryBudget
from pipeline.engine.outputs import Outputs, open_outputs
from pipeline.engine.plan import Plan
from pipeline.engine.store import store
from pipeline.errors import InputRefused
from pipeline.fetch.stage import fetch
from pipeline.journal import Journal
from pipeline.model import Outcome, Parcel, Task
from pipeline.protocols import Emit, Written

WAITING_PARCELS = 4
"""Parcels that wait in the channel for each worker: enough that none ever waits for the loop."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has left behind."""

    written: tuple[Written, ...]
    rejects: str | None
    """Path of the file of rejects, where there are any."""


class Tally:
    """Counts what is durably done: after the write, after the journal."""

    def __init__(self, journal: Journal, thread: ThreadPoolExecutor) -> None:
        self._journal = journal
        self._thread = thread
        self.records = 0
        self.rejected = 0

    async def record(self, outcome: Outcome) -> None:
        """Cancelled: the outcome may be in the journal, but does not count."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._journal.add, outcome)
        self.records += outcome.records
        self.rejected += outcome.rejected


async def run(plan: Plan, calls: Calls, folder: str, emit: Emit) -> Result:
    """Sees a plan through; `folder` is the run's own and may be left full. Raises what ended it, in groups where
    several stages were under way (`errors.cause_of`). Cancelled: see above."""
    emit(events.RunStarted(plan.config.name, plan.workers, len(plan.shards), plan.bytes_stored))
    async with open_outputs(plan.job, calls, folder, emit) as outputs:
        with ThreadPoolExecutor(1, thread_name_prefix="journal") as thread:
            journal = Journal(os.path.join(folder, "journal.sqlite"))
            try:
                return await _Run(plan, calls, folder, emit, outputs, journal, Tally(journal, thread)).through()
            finally:
                thread.submit(journal.close)


@dataclass(frozen=True, slots=True)
class _Run:
    plan: Plan
    calls: Calls
    folder: str
    emit: Emit
    outputs: Outputs
    journal: Journal
    tally: Tally

    async def through(self) -> Result:
        await self._stages()
        await self._refuse_changed()
        await self._refuse_rejects()
        if self.plan.job.aggregate is not None:
            rows = self.journal.part_rows()
            self.emit(events.CombineStarted(rows))
            segments = await combine(self.plan.job, self.calls, self.journal.path, rows, self.folder)
            await self.outputs.write_result(segments)
        await self._join_rejects()
        return Result(await self.outputs.commit(), self.plan.rejects_shown if self.tally.rejected else None)

    async def _stages(self) -> None:
        plan = self.plan
        parcels: Channel[Parcel] = Channel(WAITING_PARCELS * plan.workers)
        outcomes: Channel[Outcome] = Channel(WAITING_PARCELS * plan.workers)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fetch(parcels))
                group.create_task(dispatch(parcels, outcomes, self._run_task, plan.workers, self.emit))
                group.create_task(store(outcomes, self.outputs.sinks, self.tally.record, self.emit))
        finally:
            for parcel in parcels.drain():
                parcel.release()

    async def _fetch(self, parcels: Channel[Parcel]) -> None:
        budget = MemoryBudget(self.plan.config.run.memory_bytes)
        await fetch(self.plan.shards, self.plan.fetching, budget, parcels)
        await parcels.close()

    async def _run_task(self, task: Task) -> Outcome:
        return await self.calls.run_task(self.plan.job, task, self.folder)

    async def _refuse_changed(self) -> None:
        """A local file is read in pieces, at different times: only one that is still what was listed has been read
        whole."""
        for shard in self.plan.shards:
            if not await self.plan.inputs.unchanged(shard):
                raise InputRefused(f"{shard.name}: changed while it was read", "Run again when nobody writes to it.")

    async def _refuse_rejects(self) -> None:
        limit, tally = self.plan.config.parse.max_rejects, self.tally
        if not limit.allows(tally.rejected, tally.records):
            await self._join_rejects()
            raise InputRefused(
                f"{tally.rejected:,} of {tally.records:,} records were rejected, parse.max_rejects allows {limit}",
                f"{self.plan.rejects_shown} has them, each with its place and reason.",
            )

    async def _join_rejects(self) -> None:
        await self.calls.join_rejects(self.journal.path, self.plan.rejects, Path(self.folder).name)
