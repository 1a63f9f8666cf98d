"""Head: the job over its first records. The stages of a run, but one task at a time, in canonical order, and no more
of the inputs is read than those records need."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import events
from pipeline.engine.calls import Calls
from pipeline.engine.channel import Channel, ChannelClosed
from pipeline.engine.combining import combine
from pipeline.engine.memory import MemoryBudget
from pipeline.engine.outputs import open_outputs
from pipeline.engine.plan import Plan
from pipeline.engine.recipe import encodings_of
from pipeline.engine.recorder import Recorder
from pipeline.engine.store import write_rows
from pipeline.engine.work import work_of
from pipeline.fetch.stage import fetch
from pipeline.journal import Journal
from pipeline.journal.schema import PARTS
from pipeline.model import Job, Outcome, Parcel, SinkSpec
from pipeline.protocols import Emit
from pipeline.sink.rejects_file import RejectsFile

STEP_BYTES = 1 << 20
"""A chunk of a head: few records should not cost a large one."""


@dataclass(slots=True)
class Head:
    """One head, to be gone `through` once. `path` is where its rows go as ndjson, `-` for standard output; `folder` is
    the run's own and may be left full."""

    plan: Plan
    calls: Calls
    folder: str
    path: str
    emit: Emit
    records: int = 0
    """Read so far, rejected ones included."""
    rejected: int = 0

    async def through(self, most: int) -> str | None:
        """Runs the job over the first `most` records of the inputs, rejected ones counted. Returns the path of the
        file of rejects, where there are any; it goes with the folder.

        Raises and cancels as `flow.run`; `parse.max_rejects` binds whole runs only."""
        chunk_bytes = min(self.plan.job.chunk_bytes, STEP_BYTES)
        job = replace(self.plan.job, sinks=(SinkSpec(self.path, "ndjson"),), chunk_bytes=chunk_bytes)
        parts = Path(self.folder, PARTS)
        parts.mkdir()  # noqa: ASYNC240 - one call
        async with open_outputs(job, self.plan.config.name, self.calls, self.folder, self.emit) as outputs:
            with (
                closing(Journal(os.path.join(self.folder, "journal.sqlite"))) as journal,
                ThreadPoolExecutor(1) as thread,
            ):
                work = work_of(replace(self.plan, job=job), journal)
                recorder = Recorder(
                    journal, thread, parts, work.entries, chunk_bytes=chunk_bytes, encodings=encodings_of(job)
                )
                with closing(recorder):
                    async with aclosing(self._outcomes(job, recorder, f"{parts}/", most)) as outcomes:
                        async for outcome in outcomes:
                            await write_rows(outcome, outputs.sinks, self.emit)
                            await recorder.record(outcome)
                if job.aggregate is not None:
                    _, _, rows = journal.sums()
                    segments = await combine(job, self.calls, journal.path, rows, self.folder)
                    await outputs.write_result(segments)
                path = os.path.join(self.folder, "rejects.ndjson")
                await outputs.commit(self._rejects(path, journal.path))
                return path if self.rejected else None

    async def _outcomes(self, job: Job, recorder: Recorder, parts: str, most: int) -> AsyncGenerator[Outcome, None]:
        parcels: Channel[Parcel] = Channel(1)
        fetching = asyncio.create_task(self._fetch(job, recorder, parcels))
        try:
            while self.records < most and (parcel := await _next(parcels, fetching)):
                try:
                    outcome = await self.calls.first_records(job, parcel.task, parts, self.folder, most - self.records)
                finally:
                    parcel.release()
                self.records += outcome.records
                self.rejected += outcome.rejected
                self.emit(events.TaskDone(outcome))
                yield outcome
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)  # what ended it has been raised, or came too late
            for parcel in parcels.drain():
                parcel.release()

    async def _fetch(self, job: Job, recorder: Recorder, parcels: Channel[Parcel]) -> None:
        """One shard at a time: their tasks come in canonical order."""
        spec = replace(self.plan.fetching.spec, chunk_bytes=job.chunk_bytes, concurrency=1)
        scan = functools.partial(self.calls.scan_lines, job)
        fetching = replace(
            self.plan.fetching, spec=spec, scan=scan, emit=self.emit, begin=recorder.begin, end=recorder.end
        )
        try:
            await fetch(self.plan.shards, fetching, MemoryBudget(self.plan.config.run.memory_bytes), parcels)
        finally:
            await parcels.close()

    def _rejects(self, path: str, journal: str) -> RejectsFile:
        join = functools.partial(self.calls.join_rejects, journal)
        return RejectsFile(path, self.rejected, join, job=self.plan.config.name, run=Path(self.folder).name)


async def _next(parcels: Channel[Parcel], fetching: asyncio.Task[None]) -> Parcel | None:
    """The next one, or None where fetching is over. Raises what ended it."""
    try:
        return await parcels.receive()
    except ChannelClosed:
        await fetching
        return None
