"""The made-up outside of a simulated run: journal, disk, sinks, workers. Each says what it has seen broken."""

from __future__ import annotations

import asyncio
import errno
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.engine.executors import WorkerDied
from pipeline.engine.recorder import Entry
from pipeline.errors import InputRefused, OutputError
from pipeline.journal import Begin, Change, Died, Done, Ended, Journal
from pipeline.model import ChunkId, Job, Outcome, Segment, Shard, Slice, TablePart, Task
from pipeline.protocols import Written
from pipeline.sink.atomic import Disk
from pipeline.testing.nouns import outcome_of, shard_of

Fault: TypeAlias = Literal["none", "fetch", "worker", "sink", "disk", "folder", "journal", "signal", "cancel"]


@dataclass
class World:
    """What one seed has in store, and what outlives its runs."""

    chance: random.Random
    delay: Callable[[], float]
    shards: dict[Shard, int]
    """Tasks of each."""
    kills: dict[ChunkId, int]
    """How often a chunk ends its worker before it comes to its end."""
    slow: ChunkId | None
    """It takes a minute."""
    killed: Counter[ChunkId] = field(init=False, default_factory=Counter)
    """How often each has done so."""
    sinks: int
    fault: Fault = "none"
    after: int = 0
    """The fault befalls after so many calls of its kind."""
    seen: Counter[str] = field(default_factory=Counter)
    struck: bool = False
    broken: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    synced: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    """Files whose name was in the folder when that was synced."""
    written: list[set[ChunkId]] = field(default_factory=list)
    """Of this run, a sink."""
    held: Counter[int] = field(default_factory=Counter)
    """How often each parcel was released."""

    def strikes(self, fault: Fault) -> bool:
        """Whether this is the moment."""
        self.seen[fault] += 1
        if self.fault != fault or self.struck or self.seen[fault] <= self.after:
            return False
        self.struck = True
        return True

    @property
    def tasks(self) -> set[ChunkId]:
        return {ChunkId(shard.order, number) for shard, count in self.shards.items() for number in range(count)}


def world_of(chance: random.Random, delay: Callable[[], float]) -> World:
    """A job of up to four shards of up to five chunks."""
    shards = {shard_of(order): chance.randrange(6) for order in range(chance.randrange(1, 5))}
    world = World(chance, delay, shards, {}, None, chance.randrange(3))
    for id in sorted(world.tasks):
        if chance.random() < 0.15:
            world.kills[id] = chance.choice((1, 2, 99))
        if chance.random() < 0.05:
            world.slow = id
    return world


class Book(Journal):
    """The journal, in memory. A transaction is kept when `apply` returns."""

    def __init__(self, world: World) -> None:
        self.path = "journal"
        self._world = world
        self._tasks: dict[int, int] = {}
        self.done: set[ChunkId] = set()
        self.poisoned: set[ChunkId] = set()
        self._deaths: dict[ChunkId, int] = {}

    def apply(self, changes: Iterable[Change]) -> None:
        if self._world.strikes("journal"):
            raise OutputError("journal: the disk is full")
        for change in changes:
            match change:
                case Done(_, _, outcome):
                    self._check(outcome)
                    self.done.add(outcome.id)
                    self._deaths.pop(outcome.id, None)
                case Died(_, _, id, deaths, poison):
                    self._deaths[id] = deaths
                    if poison:
                        self.poisoned.add(id)
                    if deaths > self._world.killed[id]:
                        self._world.broken.append(f"{id} is blamed for {deaths} deaths")
                case Ended(shard, tasks):
                    self._tasks[shard] = tasks
                case Begin():
                    self._world.broken.append("a shard that has not changed was begun anew")

    def _check(self, outcome: Outcome) -> None:
        broken = self._world.broken
        if outcome.id in self.done | self.poisoned:
            broken.append(f"{outcome.id} was journaled twice")
        files = {part.path for part in outcome.partial if part.path}
        files |= {segment.path for rows in outcome.slices for segment in rows.segments}
        if not files <= self._world.synced & self._world.named:
            broken.append(f"{outcome.id} was journaled before its files were durable")
        if outcome.slices and not all(outcome.id in written for written in self._world.written):
            broken.append(f"{outcome.id} was journaled before every sink had it")

    def unfinished(self) -> list[str]:
        return [shard.name for shard, count in self._world.shards.items() if self._left(shard, count)]

    def _left(self, shard: Shard, count: int) -> bool:
        settled = self.done | self.poisoned
        return self._tasks.get(shard.order[0]) is None or len([id for id in settled if id.shard == shard.order]) < count

    def entries(self) -> dict[Shard, Entry]:
        """Of the shards with work left."""
        found: dict[Shard, Entry] = {}
        for shard, count in self._world.shards.items():
            if self._left(shard, count):
                settled = {("", id.number) for id in self.done | self.poisoned if id.shard == shard.order}
                deaths = {("", id.number): deaths for id, deaths in self._deaths.items() if id.shard == shard.order}
                found[shard] = Entry(shard.order[0], shard.version, 1, frozenset(settled), False, deaths)
        return found

    def close(self) -> None:
        pass


class MadeUpDisk(Disk):
    """Knows which files are durable."""

    def __init__(self, world: World) -> None:
        self._world = world

    def sync_file(self, path: Path) -> None:
        if self._world.strikes("disk"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._world.synced.add(str(path))

    def checksum(self, path: Path) -> int:  # noqa: ARG002 - of a file that is not there
        return 0

    def take(self, path: Path, most_bytes: int) -> None:
        """Every file is a large one."""

    def sync_folder(self, path: Path) -> None:  # noqa: ARG002 - there is one
        if self._world.strikes("folder"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._world.named |= self._world.files


class MadeUpSink:
    """Takes each chunk once."""

    in_place = False

    def __init__(self, world: World) -> None:
        self._world = world
        self._written: set[ChunkId] = set()
        world.written.append(self._written)

    async def open(self) -> None:
        pass

    async def write(self, id: ChunkId, segment: Segment) -> None:
        await asyncio.sleep(self._world.delay())
        if self._world.strikes("sink"):
            raise OutputError("out: the disk is full")
        if id in self._written:
            self._world.broken.append(f"{id} was written twice")
        self._world.synced.add(segment.path)
        self._written.add(id)

    async def prepare(self) -> None:
        pass

    async def show(self) -> Written:
        return Written("out", 0, 0)

    async def abort(self) -> None:
        pass


class MadeUpCalls:
    """Workers that take their time, and die where the seed says so."""

    workers = 1

    def __init__(self, world: World) -> None:
        self._world = world

    async def run_task(self, job: Job, task: Task, parts: str, scratch: str, timeout_s: float) -> Outcome:  # noqa: ARG002 - as `Calls`
        world = self._world
        await asyncio.sleep(60.0 if task.id == world.slow else world.delay())
        if world.kills.get(task.id, 0) > 0:
            world.kills[task.id] -= 1
            world.killed[task.id] += 1
            raise WorkerDied("killed by signal 9")
        if world.strikes("worker"):
            raise InputRefused("a bad record")
        start = f"{parts}{task.id}-{len(world.files)}"
        paths = [f"{start}.{index}" for index in range(max(1, world.sinks))]
        world.files.update(paths)
        if not world.sinks:
            part = TablePart("main", 1, paths[0] if world.chance.random() < 0.7 else None)
            return outcome_of(task.shard.order, task.number, parts=[part])
        rows = Slice(task.number, tuple(Segment(path, 1, 1) for path in paths))
        return outcome_of(task.shard.order, task.number, slices=[rows])
