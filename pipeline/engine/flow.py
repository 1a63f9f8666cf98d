"""One run, from the plan to the commit: where the stages meet. Read this first.

        fetch ──parcels──► dispatch ──outcomes──► store        then, once:  combine ─► write ─► commit
          │                   │                     │
        budget of bytes    run_task in          sinks, then
                           a worker             the journal

The two channels are bounded, so a slow stage holds back the ones before it; the budget bounds the bytes between the
first read and the end of the task. What the journal has is not done again: only the shards with work left enter the
stages, and the result is combined from what they leave and what earlier runs have left.

Whatever ends a run early, an error or a cancellation, ends every stage, kills the workers that are at it and leaves
every output as it was; what was journaled stays. A first signal lets the chunks at work come to their end.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline import events
from pipeline.engine.calls import Calls
from pipeline.engine.channel import Channel
from pipeline.engine.combining import combine
from pipeline.engine.dispatch import Trial, dispatch
from pipeline.engine.memory import MemoryBudget
from pipeline.engine.notices import ColumnNotices
from pipeline.engine.outputs import Outputs, open_outputs, show_rejects
from pipeline.engine.plan import Plan
from pipeline.engine.recipe import encodings_of
from pipeline.engine.recorder import Recorder
from pipeline.engine.showing import Showing
from pipeline.engine.signals import Interrupted, Stop
from pipeline.engine.state import State, sweep_parts
from pipeline.engine.store import store
from pipeline.engine.work import Work, is_whole, work_of
from pipeline.errors import InputMissing, InputRefused, TooManyRejects
from pipeline.fetch.stage import fetch
from pipeline.journal import Poison, read_segments, sort_key
from pipeline.model import ChunkId, Job, Outcome, Parcel, Shard, Task
from pipeline.protocols import Emit, Written
from pipeline.sink.rejects_file import RejectsFile

T = TypeVar("T")

WAITING_PARCELS = 4
"""Parcels that wait in the channel for each worker: enough that none ever waits for the loop."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has left behind."""

    written: tuple[Written, ...]
    """The outputs that were renewed: none, where all were what they should be."""
    records: int
    """In the result: of this run and of those before it."""
    rejected: int
    rejects: str | None
    """Path of the file of rejects, where there are any."""
    poison: tuple[Poison, ...]
    """Chunks that were left out."""


async def run(plan: Plan, calls: Calls, state: State, emit: Emit, stop: Stop) -> Result:
    """Sees a plan through. Raises what ended it, in groups where several stages were under way (`errors.cause_of`);
    Interrupted after a first signal. Cancelled: see above."""
    work = await _in_journal(state, work_of, plan, state.journal)
    emit(events.RunStarted(plan.config.name, plan.workers, len(work.shards), work.bytes_stored, work.same))
    showing = await _in_journal(state, Showing.of, plan, state.journal, work)
    run = _Run(plan, calls, state, emit, stop, work, showing, ColumnNotices(plan.job.parse))
    if not work.shards and showing.complete:
        return await run.result(())
    calls.start()
    job = replace(plan.job, sinks=showing.sinks)
    async with open_outputs(job, plan.config.name, calls, state.scratch, emit) as outputs:
        return await run.through(outputs)


async def _in_journal(state: State, call: Callable[..., T], *args: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(state.thread, call, *args)


@dataclass(slots=True)
class _Run:
    plan: Plan
    calls: Calls
    state: State
    emit: Emit
    stop: Stop
    work: Work
    showing: Showing
    notices: ColumnNotices
    chunks: int = 0
    """That this run has stored."""
    rejected: int = 0
    """Of this run and those before it."""

    async def through(self, outputs: Outputs) -> Result:
        plan, state = self.plan, self.state
        stored: set[ChunkId] = set()
        if self.work.shards:
            await self._work(outputs, stored)
        await self._refuse_rejects()
        await self._notice()
        job = replace(plan.job, sinks=self.showing.sinks)
        if job.aggregate is not None:
            _, _, rows = await _in_journal(state, state.journal.sums)
            self.emit(events.CombineStarted(rows))
            segments = await combine(job, self.calls, state.journal.path, rows, state.scratch)
            await outputs.write_result(segments)
        else:
            await self._write_stored(job, outputs, stored)
        written = await outputs.commit(await self._rejects())
        await _in_journal(state, self._settle)
        return await self.result(written)

    async def result(self, written: tuple[Written, ...]) -> Result:
        """What there is to tell of the whole result, whoever made it."""
        journal = self.state.journal
        records, rejected, _ = await _in_journal(self.state, journal.sums)
        poison = tuple(await _in_journal(self.state, journal.poison))
        for chunk in poison:
            self.emit(events.ChunkLeftOut(chunk.place, chunk.reason, chunk.deaths))
        self._check_rejects(rejected, records)
        return Result(written, records, rejected, self.plan.rejects_shown if rejected else None, poison)

    async def _work(self, outputs: Outputs, stored: set[ChunkId]) -> None:
        _, self.rejected, _ = await _in_journal(self.state, self.state.journal.sums)
        try:
            await self._stages(outputs, stored)
        except* TooManyRejects:
            await show_rejects(await self._rejects())
            raise
        await self._refuse_changed()

    # --- the stages ---------------------------------------------------------------------------------------------

    async def _stages(self, outputs: Outputs, stored: set[ChunkId]) -> None:
        plan, state = self.plan, self.state
        recorder = Recorder(
            state.journal,
            state.thread,
            state.parts,
            self.work.entries,
            chunk_bytes=plan.job.chunk_bytes,
            encodings=encodings_of(plan.job),
        )
        parcels: Channel[Parcel] = Channel(WAITING_PARCELS * plan.workers)
        outcomes: Channel[Outcome] = Channel(WAITING_PARCELS * plan.workers)

        async def run_task(task: Task) -> Outcome | None:
            job = replace(plan.job, chunk_bytes=recorder.chunk_bytes(task))
            timeout_s = plan.config.run.chunk_timeout_s
            try:
                return await self.calls.run_task(job, task, state.part_start, state.scratch, timeout_s)
            except InputMissing as error:
                if not (self._may_be_missing(task.shard) and is_whole(task)):
                    raise
                reason = error.message.removeprefix(f"{task.shard.name}: ")
                self.emit(events.ShardSkipped(task.shard.name, reason))
                await self._skip(task.shard, reason)
                return None

        async def record(outcome: Outcome) -> None:
            await recorder.record(outcome)
            stored.update(ChunkId(outcome.id.shard, rows.number) for rows in outcome.slices)
            self.notices.add(outcome)
            self._count(outcome)

        trial = Trial(run_task, recorder, plan.config.run.on_poison)
        try:
            with self.stop.attended() as asked:
                async with asyncio.TaskGroup() as group:
                    fetching = group.create_task(self._fetch(recorder, parcels))
                    group.create_task(dispatch(parcels, outcomes, trial, plan.workers, self.emit))
                    storing = group.create_task(store(outcomes, outputs.sinks, record, self.emit))
                    stopping = group.create_task(_stop_when(asked, fetching, parcels))
                    await asyncio.wait([storing])
                    stopping.cancel()
            await recorder.flush()
        finally:
            for parcel in parcels.drain():
                parcel.release()
            recorder.close()
        if self.stop.number is not None:
            kept = f"{self.chunks:,} chunks of this run are kept; the same command goes on from there."
            raise Interrupted(self.stop.number, kept if self.chunks else "")
        if unfinished := await _in_journal(state, state.journal.unfinished):
            raise RuntimeError(f"tasks were lost of {', '.join(unfinished[:3])}")  # law 4

    async def _fetch(self, recorder: Recorder, parcels: Channel[Parcel]) -> None:
        plan = self.plan
        fetching = replace(plan.fetching, begin=recorder.begin, end=recorder.end, skip=self._skip)
        await fetch(self.work.shards, fetching, MemoryBudget(plan.config.run.memory_bytes), parcels)
        await parcels.close()

    def _may_be_missing(self, shard: Shard) -> bool:
        return shard.optional or self.plan.config.fetch.on_missing == "skip"

    async def _skip(self, shard: Shard, reason: str) -> None:
        await _in_journal(self.state, self.state.journal.leave_out, sort_key(shard.order), shard.name, reason)

    def _count(self, outcome: Outcome) -> None:
        self.chunks += outcome.chunks
        self.rejected += outcome.rejected
        limit = self.plan.config.parse.max_rejects
        if limit.count is not None and self.rejected > limit.count:  # nothing that follows can mend it
            raise self._too_many(f"{self.rejected:,} records were rejected")

    async def _refuse_changed(self) -> None:
        """A local file is read in pieces, at different times: only one that is still what was listed has been read
        whole."""
        for shard in self.work.shards:
            if not await self.plan.inputs.unchanged(shard):
                await _in_journal(self.state, self.state.journal.void, self.work.entries[shard.order].id)
                raise InputRefused(f"{shard.name}: changed while it was read", "Run again when nobody writes to it.")

    async def _notice(self) -> None:
        """A chunk that this run has not read, since it was done before or given up, may have what all others lack."""
        unread = self.work.same or any(entry.settled for entry in self.work.entries.values())
        whole = not unread and not await _in_journal(self.state, self.state.journal.poison)
        for message in self.notices.messages(whole=whole):
            self.emit(events.Noticed(message))

    # --- the result ---------------------------------------------------------------------------------------------

    async def _write_stored(self, job: Job, outputs: Outputs, stored: set[ChunkId]) -> None:
        """Gives the sinks the rows that earlier runs have left, and those of an input that is listed twice."""
        for sink, encoding in zip(outputs.sinks, encodings_of(job), strict=True):
            for id, segment in await asyncio.to_thread(list, read_segments(self.state.journal.path, encoding)):
                if id not in stored:
                    await sink.write(id, segment)

    async def _refuse_rejects(self) -> None:
        records, rejected, _ = await _in_journal(self.state, self.state.journal.sums)
        try:
            self._check_rejects(rejected, records)
        except TooManyRejects:
            await show_rejects(await self._rejects())
            raise

    def _check_rejects(self, rejected: int, records: int) -> None:
        limit = self.plan.config.parse.max_rejects
        if not limit.allows(rejected, records):
            raise self._too_many(f"{rejected:,} of {records:,} records were rejected")

    def _too_many(self, found: str) -> TooManyRejects:
        return TooManyRejects(
            f"{found}, parse.max_rejects allows {self.plan.config.parse.max_rejects}",
            f"{self.plan.rejects_shown} has them, each with its place and reason.",
            self.plan.rejects_shown,
        )

    async def _rejects(self) -> RejectsFile:
        _, rejected, _ = await _in_journal(self.state, self.state.journal.sums)
        join = functools.partial(self.calls.join_rejects, self.state.journal.path)
        return RejectsFile(self.plan.rejects, rejected, join, job=self.plan.config.name, run=self.state.run)

    def _settle(self) -> None:
        """The outputs are there: what they are is kept, and what they no longer need goes."""
        journal = self.state.journal
        journal.shown(self.showing.outputs(journal))
        journal.prune()
        sweep_parts(journal, self.state.parts)


async def _stop_when(asked: asyncio.Event, fetching: asyncio.Task[None], parcels: Channel[Parcel]) -> None:
    """When asked: no new work. What is with the workers comes to its end."""
    await asked.wait()
    fetching.cancel()
    await asyncio.wait([fetching])
    for parcel in parcels.drain():
        parcel.release()
    await parcels.close()
