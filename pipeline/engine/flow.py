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
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pipeline import events
from pipeline.engine.calls import Calls
from pipeline.engine.channel import Channel
from pipeline.engine.combining import combine
from pipeline.engine.damage import damage_forgotten
from pipeline.engine.dispatch import Trial, dispatch
from pipeline.engine.memory import MemoryBudget
from pipeline.engine.notices import ColumnNotices
from pipeline.engine.outputs import Outputs, open_outputs
from pipeline.engine.plan import ALL_MISSING, Plan
from pipeline.engine.recipe import encodings_of
from pipeline.engine.recorder import Recorder
from pipeline.engine.rejecting import Rejecting
from pipeline.engine.showing import Showing
from pipeline.engine.signals import Interrupted, Stop
from pipeline.engine.state import State, sweep_parts
from pipeline.engine.store import store, store_earlier
from pipeline.engine.work import Work, is_whole, work_of
from pipeline.errors import InputMissing, InputRefused, TooManyRejects
from pipeline.fetch.stage import fetch
from pipeline.journal import Poison, sort_key
from pipeline.model import ChunkId, Outcome, Parcel, Shard, Task
from pipeline.protocols import Emit, FileStamp, Written

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
    work = await state.ask(work_of, plan, state.journal)
    emit(events.RunStarted(plan.config.name, plan.workers, len(work.shards), work.bytes_stored, work.same))
    showing = await state.ask(functools.partial(Showing.of, plan, state.journal, work_left=bool(work.shards)))
    run = _Run(plan, calls, state, emit, stop, work, showing)
    if not work.shards and showing.complete:
        return await run.unchanged()
    calls.start()
    job = replace(plan.job, sinks=showing.sinks)
    async with (
        damage_forgotten(state),
        open_outputs(job, plan.config.name, calls, state.scratch, emit) as outputs,
    ):
        return await run.through(outputs)


@dataclass(slots=True)
class _Run:
    plan: Plan
    calls: Calls
    state: State
    emit: Emit
    stop: Stop
    work: Work
    showing: Showing
    notices: ColumnNotices = field(init=False)
    rejecting: Rejecting = field(init=False)
    chunks: int = 0
    """That this run has stored."""

    def __post_init__(self) -> None:
        self.notices = ColumnNotices(self.plan.job.parse)
        self.rejecting = Rejecting(self.plan, self.calls, self.state, self.work)

    async def through(self, outputs: Outputs) -> Result:
        plan, state = self.plan, self.state
        stored: set[ChunkId] = set()
        if self.work.shards:
            await self._work(outputs, stored)
            left = await state.ask(functools.partial(Showing.of, plan, state.journal, work_left=False))
            if left.complete:  # what there was to do has added nothing: a URL that is skipped every night
                return await self.unchanged()
        records, rejected, rows = await state.ask(state.journal.sums)
        try:
            self.rejecting.judge(rejected, records)
        except TooManyRejects:
            await self.rejecting.show()
            raise
        await self._notice()
        job = replace(plan.job, sinks=self.showing.sinks)
        if job.aggregate is not None:
            self.emit(events.CombineStarted(rows))
            segments = await combine(job, self.calls, state.journal.path, rows, state.scratch)
            await outputs.write_result(segments)
        else:
            await store_earlier(state.journal.path, encodings_of(job), outputs.sinks, stored)
        rejects = self.rejecting.file(rejected)
        written = await outputs.commit(rejects)
        self.stop.is_too_late()
        await state.ask(self._settle, written, rejects.stamp)
        return await self._result(written, records, rejected)

    async def unchanged(self) -> Result:
        """Every output is what it should be. Raises TooManyRejects where the config allows fewer by now."""
        records, rejected, _ = await self.state.ask(self.state.journal.sums)
        result = await self._result((), records, rejected)
        self.rejecting.judge(rejected, records)
        return result

    async def _result(self, written: tuple[Written, ...], records: int, rejected: int) -> Result:
        """What there is to tell of the whole result, whoever made it."""
        poison = tuple(await self.state.ask(self.state.journal.poison))
        for chunk in poison:
            self.emit(events.ChunkLeftOut(chunk.place, chunk.reason, chunk.deaths))
        return Result(written, records, rejected, self.plan.rejects_shown if rejected else None, poison)

    async def _work(self, outputs: Outputs, stored: set[ChunkId]) -> None:
        try:
            await self._stages(outputs, stored)
        except* TooManyRejects:
            await self.rejecting.show()
            raise
        await self._refuse_changed()
        if not await self.state.ask(self.state.journal.positions):
            raise InputMissing("every input is missing", ALL_MISSING)

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
            disk=state.disk,
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
        if unfinished := await state.ask(state.journal.unfinished):
            raise RuntimeError(f"tasks were lost of {', '.join(unfinished[:3])}")  # law 4

    async def _fetch(self, recorder: Recorder, parcels: Channel[Parcel]) -> None:
        plan = self.plan
        fetching = replace(plan.fetching, begin=recorder.begin, end=recorder.end, skip=self._skip)
        await fetch(self.work.shards, fetching, MemoryBudget(plan.config.run.memory_bytes), parcels)
        await parcels.close()

    def _may_be_missing(self, shard: Shard) -> bool:
        return shard.optional or self.plan.config.fetch.on_missing == "skip"

    async def _skip(self, shard: Shard, reason: str) -> None:
        await self.state.ask(self.state.journal.leave_out, sort_key(shard.order), shard.name, reason)

    def _count(self, outcome: Outcome) -> None:
        self.chunks += outcome.chunks
        self.rejecting.count(outcome)

    async def _refuse_changed(self) -> None:
        """A local file is read in pieces, at different times: only one that is still what was listed has been read
        whole."""
        changed = [shard for shard in self.work.shards if not await self.plan.inputs.unchanged(shard)]
        for shard in changed:
            await self.state.ask(self.state.journal.void, self.work.entries[shard.order].id)
        if changed:
            names = f"{changed[0].name}" + (f" and {len(changed) - 1:,} more" if changed[1:] else "")
            raise InputRefused(f"{names}: changed while it was read", "Run again when nobody writes to it.")

    async def _notice(self) -> None:
        """A chunk that this run has not read, since it was done before or given up, may have what all others lack."""
        unread = self.work.same or any(entry.settled for entry in self.work.entries.values())
        whole = not unread and not await self.state.ask(self.state.journal.poison)
        for message in self.notices.messages(whole=whole):
            self.emit(events.Noticed(message))

    # --- the result ---------------------------------------------------------------------------------------------

    def _settle(self, written: Sequence[Written], rejects: FileStamp | None) -> None:
        """The outputs are there: what they are is kept, and what they no longer need goes."""
        journal = self.state.journal
        self.showing.remove_moved_rejects(journal)
        journal.shown(self.showing.outputs(journal, written, rejects))
        for key, value in self.plan.facts:
            journal.learn(key, value)
        journal.prune(encodings_of(self.plan.job))
        sweep_parts(journal, self.state.parts)


async def _stop_when(asked: asyncio.Event, fetching: asyncio.Task[None], parcels: Channel[Parcel]) -> None:
    """When asked: no new work. What is with the workers comes to its end."""
    await asked.wait()
    fetching.cancel()
    await asyncio.wait([fetching])
    for parcel in parcels.drain():
        parcel.release()
    await parcels.close()
