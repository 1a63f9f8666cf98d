"""The stages of a run under a seed: real dispatch, store, recorder, channels, budget and stop; the rest is made up.

A seed is a job of some shards. Its first runs meet what the seed has in store: workers that die, chunks that always
kill, an error of fetch, worker, sink, disk or journal, a signal, a cancellation. A last run meets dying workers only.
After each:

- no task is in the journal twice, and none whose files were not durable or whose rows a sink had not;
- what each parcel holds was released once, the budget is whole, and no task of the loop is left;
- a run that met nothing has ended well, one that was told to stop within its grace and a second;
- nobody is blamed but chunks that kill.

After the last, every task is in the journal or poison.

    python -m pipeline.testing.simulation SEED COUNT
"""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast

import orjson

from pipeline.config import Config
from pipeline.config.load import parse
from pipeline.engine.calls import Calls
from pipeline.engine.channel import Channel
from pipeline.engine.flow import _Run
from pipeline.engine.memory import MemoryBudget
from pipeline.engine.outputs import Outputs
from pipeline.engine.plan import Plan
from pipeline.engine.recorder import Recorder
from pipeline.engine.showing import Showing
from pipeline.engine.signals import GRACE_S, Interrupted, Stop
from pipeline.engine.state import State
from pipeline.engine.work import Work
from pipeline.errors import InputRefused, PipelineError, WorkFailed, cause_of
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.inputs import Inputs
from pipeline.fetch.outgoing import Outgoing
from pipeline.model import Parcel, Shard
from pipeline.testing.made_up import Book, Fault, MadeUpCalls, MadeUpDisk, MadeUpSink, World, world_of
from pipeline.testing.nouns import CSV, NDJSON, aggregating_job, rowwise_job, task_of
from pipeline.testing.virtual_loop import Stuck, VirtualLoop

FAULTS: Final[tuple[Fault, ...]] = (
    "none",
    "fetch",
    "worker",
    "sink",
    "disk",
    "folder",
    "journal",
    "signal",
    "signal",
    "cancel",
    "cancel",
)

BUDGET_BYTES: Final = 12

_CONFIG = "name: job\ninputs: [in]\nparse: {format: csv}\nsink: {path: out.csv}\nrun: {on_poison: %s}\n"


class _SimulatedRun(_Run):
    """A run whose fetch makes tasks up."""

    __slots__ = ("budget", "world")

    world: World
    budget: MemoryBudget

    async def go(self, outputs: Outputs) -> None:
        await self._stages(outputs, set())

    async def _fetch(self, recorder: Recorder, parcels: Channel[Parcel]) -> None:
        outgoing = Outgoing(self.budget, parcels, self.emit)
        waiting = iter(self.work.shards)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(self._fetch_each(waiting, recorder, outgoing))
        await parcels.close()

    async def _fetch_each(self, waiting: Iterator[Shard], recorder: Recorder, outgoing: Outgoing) -> None:
        world = self.world
        for shard in waiting:
            begun = recorder.begin(shard)
            for number in range(world.shards[shard]):
                if number in begun.done:
                    continue
                await asyncio.sleep(world.delay())
                if world.strikes("fetch"):
                    raise InputRefused(f"{shard.name}: is corrupt")
                hold = await outgoing.hold(world.chance.choice((1, 1, 2, 5, BUDGET_BYTES)))
                try:
                    await asyncio.sleep(world.delay())
                    key = len(world.held)
                    world.held[key] = 0
                    await outgoing.send(task_of(shard, number), hold.handed_over(), lambda key=key: _count(world, key))  # type: ignore[misc]
                finally:
                    hold.release()
            recorder.end(shard, world.shards[shard])


def _count(world: World, key: int) -> None:
    world.held[key] += 1


@dataclass(slots=True)
class Simulated:
    """What so many seeds have shown."""

    seed: int
    seeds: int = 0
    runs: int = 0
    broken: list[str] = field(default_factory=list)
    """The seed, the run, its fault, and what must not be."""

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("seed", "seeds", "runs", "broken")}


def simulate(seed: int, count: int) -> Simulated:
    """`count` jobs, each to its end. The same seed does the same, but for the order in which a group of tasks cancels
    those that are left."""
    found = Simulated(seed)
    fail, skip = (parse(_CONFIG % what, "job.yaml", environ={}) for what in ("fail", "skip"))
    for number in range(count):
        found.seeds += 1
        name = f"{seed}/{number}"
        loop = VirtualLoop(random.Random(name))  # noqa: S311 - no secret
        try:
            for run, what, broken in _job(loop, (fail, skip)):
                found.runs += 1
                found.broken += [f"seed {name}, run {run} ({what}): {problem}" for problem in broken]
        finally:
            loop.close()
    return found


def _job(loop: VirtualLoop, configs: tuple[Config, Config]) -> Iterator[tuple[int, str, list[str]]]:
    chance = loop.chance
    world = world_of(chance, loop.delay)
    book = Book(world)
    for number in itertools.count():
        last = number == 3
        world.fault, world.after = ("none" if last else chance.choice(FAULTS)), chance.randrange(12)
        world.struck, world.broken = False, []
        world.seen.clear()
        world.held.clear()
        world.written.clear()
        if last:
            world.slow = None
        if book.unfinished():
            on_poison: Literal["fail", "skip"] = "skip" if last else chance.choice(("fail", "skip"))
            config = configs[on_poison == "skip"]
            try:
                loop.run_until_complete(_observed(world, book, config, loop))
            except Stuck:
                world.broken.append("every task waits for another")
            yield number, f"{world.fault}, {on_poison}", world.broken
        if last:
            if book.done | book.poisoned != world.tasks:
                yield number, "end", [f"lost: {sorted(map(str, world.tasks - book.done - book.poisoned))}"]
            return


async def _observed(world: World, book: Book, config: Config, loop: VirtualLoop) -> None:
    budget, stop = MemoryBudget(BUDGET_BYTES), Stop()
    task = asyncio.create_task(_run(world, book, config, budget, stop))
    at = loop.time() + world.chance.random() * 3
    timer = None

    def strike() -> None:
        world.struck = (
            True  # said here: a loop calls a little before the time, and so what is due cannot be told from it
        )
        if world.fault == "signal":
            stop.receive(signal.SIGTERM, task)
        else:
            task.cancel()

    if world.fault in {"signal", "cancel"}:
        timer = loop.call_at(at, strike)
    await asyncio.wait([task])
    struck = world.struck
    if world.fault == "signal" and struck and loop.time() > at + GRACE_S + 1:
        world.broken.append(f"stopped {loop.time() - at:.1f} s after the signal")
    if timer is not None:
        timer.cancel()
    world.broken += _problems(world, book, budget, task, struck=struck)


def _problems(
    world: World, book: Book, budget: MemoryBudget, task: asyncio.Task[None], *, struck: bool
) -> Iterator[str]:
    error = None if task.cancelled() else task.exception()
    cause = error and cause_of(error)
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        yield f"left at work: {left}"
    if budget.held_bytes:
        yield f"{budget.held_bytes} bytes of the budget are held"
    if wrong := {key: count for key, count in world.held.items() if count != 1}:
        yield f"parcels released so often: {wrong}"
    if cause is not None and not isinstance(cause, PipelineError):
        yield f"ended with {cause!r}"
    ended_well = error is None and not task.cancelled()
    if ended_well and book.unfinished():
        yield "ended well and has work left"
    if not ended_well and not struck and not isinstance(cause, WorkFailed):
        yield f"ended with {cause!r} for no reason"
    if ended_well and struck and world.fault not in ("signal", "cancel"):
        yield f"did not mind: {world.fault}"
    if isinstance(cause, Interrupted) and world.fault != "signal":
        yield "was never told to stop"


async def _run(world: World, book: Book, config: Config, budget: MemoryBudget, stop: Stop) -> None:
    job = rowwise_job(*(CSV, NDJSON)[: world.sinks]) if world.sinks else aggregating_job()
    entries = book.entries()
    plan = Plan(config, job, (), (), cast("Inputs", None), cast("Fetching", None), 2, "", ())
    outputs = Outputs([MadeUpSink(world) for _ in range(world.sinks)], lambda _: None)
    with ThreadPoolExecutor(1) as thread:
        run = _SimulatedRun(
            plan,
            cast("Calls", MadeUpCalls(world)),
            State(book, Path("/parts"), "/run", thread, MadeUpDisk(world)),
            lambda _: None,
            stop,
            Work(tuple(entries), {shard.order: entry for shard, entry in entries.items()}, 0),
            Showing(job, "", job.sinks, complete=False),
        )
        run.world, run.budget = world, budget
        await run.go(outputs)


def main(arguments: Sequence[str]) -> int:
    seed, count = map(int, arguments)
    found = simulate(seed, count)
    sys.stdout.write(orjson.dumps(found.document()).decode() + "\n")
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
