"""A history to cut short: two runs of one job with made-up workers, whose commit code is the real one.

The store, its sinks, the recorder and the commit of the outputs run on a `ModelDisk`. SQLite is trusted: what
`Journal.apply` was given is kept from the moment it returns. Notes in the record say what was promised by then.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.channel import Channel
from pipeline.engine.outputs import Outputs
from pipeline.engine.recorder import Entry, Recorder
from pipeline.engine.store import store
from pipeline.errors import OutputError, cause_of
from pipeline.journal import Change, Done, Journal
from pipeline.model import ChunkId, Outcome, Segment, ShardOrder, Slice, TablePart
from pipeline.protocols import Sink
from pipeline.sink.files import FileSink
from pipeline.sink.rejects_file import RejectsFile
from pipeline.testing.model_disk import ModelDisk
from pipeline.testing.nouns import outcome_of

MakeRecorder = Callable[..., Recorder]


@dataclass(frozen=True, slots=True)
class Journaled:
    """A transaction of the journal: tasks that are done, and the files it names."""

    tasks: tuple[ChunkId, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Whoever waited for the task was told that it is done for good."""

    task: ChunkId


@dataclass(frozen=True, slots=True)
class Committing:
    """From now on each output, by path, may hold this; None: it is gone."""

    outputs: tuple[tuple[str, bytes | None], ...]


class Committed:
    """It holds this, and nothing else."""


class _JournalModel(Journal):
    """Keeps what it is given from the moment `apply` returns, and says so."""

    def __init__(self, disk: ModelDisk) -> None:
        self._disk = disk

    def apply(self, changes: Iterable[Change]) -> None:
        done = [change.outcome for change in changes if isinstance(change, Done)]
        self._disk.note(Journaled(tuple(outcome.id for outcome in done), tuple(itertools.chain(*map(_files, done)))))


def _files(outcome: Outcome) -> Iterator[str]:
    yield from (part.path for part in outcome.partial if part.path)
    yield from (segment.path for rows in outcome.slices for segment in rows.segments)
    if outcome.rejects:
        yield outcome.rejects


class History:
    """Two runs of a job, one after the other, by a seed."""

    def __init__(self, chance: random.Random, disk: ModelDisk, recorder: MakeRecorder) -> None:
        self._chance = chance
        self._disk = disk
        self._recorder = recorder
        self._parts = disk.root / "state" / "parts"
        self._parts.mkdir(parents=True)
        self._out = disk.root.joinpath(*["deep"] * chance.randrange(3), "out")
        self._sinks = chance.randrange(3)
        """0: an aggregation, with one."""

    async def run(self) -> None:
        disk = self._disk
        for folder in (disk.root, disk.root / "state", self._parts):
            disk.sync_folder(folder)  # as job_state has made them: tests/engine/test_state.py
        for number in (1, 2):
            try:
                await self._run(number)
            except Exception as error:
                if not isinstance(cause_of(error), OutputError):
                    raise

    async def _run(self, number: int) -> None:
        run = f"run-{number}"
        names = [f"result{number}.csv" for number in range(max(1, self._sinks))]
        sinks: list[FileSink] = [
            FileSink(str(self._out / name), self._join, job="job", run=run, disk=self._disk) for name in names
        ]
        try:
            for sink in sinks:
                await sink.open()
            outcomes = [self._outcome(run, (number,), task) for task in range(self._chance.randrange(1, 6))]
            await self._work(outcomes, sinks)
            await self._commit(run, sinks, outcomes)
        finally:
            for sink in sinks:
                await sink.abort()

    async def _work(self, outcomes: list[Outcome], sinks: Sequence[Sink]) -> None:
        channel: Channel[Outcome] = Channel(len(outcomes))
        encodings = tuple(f"csv/{index}" for index in range(self._sinks))
        with ThreadPoolExecutor(1) as thread:
            recorder = self._recorder(
                _JournalModel(self._disk),
                thread,
                self._parts,
                {outcome.id.shard: Entry(1, "v", 1) for outcome in outcomes},
                chunk_bytes=1,
                encodings=encodings,
                disk=self._disk,
            )

            async def record(outcome: Outcome) -> None:
                await recorder.record(outcome)
                self._disk.note(Acknowledged(outcome.id))

            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(store(channel, sinks if self._sinks else (), record, lambda _: None))
                    for outcome in self._chance.sample(outcomes, len(outcomes)):
                        await channel.send(outcome)
                    await channel.close()
            finally:
                recorder.close()

    async def _commit(self, run: str, sinks: Sequence[FileSink], outcomes: Sequence[Outcome]) -> None:
        rejected = [outcome.rejects for outcome in outcomes if outcome.rejects]

        async def join_rejects(path: str) -> None:
            await self._join(rejected, path)

        if not self._sinks:
            await sinks[0].write(ChunkId((0,), 0), self._segment(f"{run}-result"))
        rejects_path = str(self._out / "rejects.ndjson")
        rejects = RejectsFile(rejects_path, len(rejected), join_rejects, job="job", run=run, disk=self._disk)
        rows = [rows for outcome in outcomes for rows in outcome.slices]
        segments = [[each.segments[index].path for each in rows] for index in range(self._sinks)]
        new = [_read(paths) for paths in segments or [[str(self._parts / f"{run}-result")]]]
        outputs = [*zip([sink.path for sink in sinks], new, strict=True), (rejects_path, _read(rejected) or None)]
        self._disk.note(Committing(tuple(outputs)))
        await Outputs(sinks, lambda _: None).commit(rejects)
        self._disk.note(Committed())

    def _outcome(self, run: str, shard: ShardOrder, number: int) -> Outcome:
        name = f"{run}-{number}"
        slices: list[Slice] = []
        partial: list[TablePart] = []
        if self._sinks:
            segments = tuple(self._segment(f"{name}.sink{index}") for index in range(self._sinks))
            slices = [Slice(number, segments)]
        else:
            partial = [self._part(f"{name}.{table}") for table in range(self._chance.randrange(3))]
        rejects = self._written(f"{name}.rejects") if self._chance.random() < 0.3 else None
        return outcome_of(shard, number, parts=partial, slices=slices, rejects=rejects)

    def _written(self, name: str) -> str:
        content = f"{name}\n".encode() * self._chance.randrange(1, 4)
        self._disk.write(self._parts / name, content)
        return str(self._parts / name)

    def _segment(self, name: str) -> Segment:
        path = self._written(name)
        return Segment(path, 1, Path(path).stat().st_size)

    def _part(self, name: str) -> TablePart:
        return TablePart(name, 1, self._written(name))

    async def _join(self, segments: Sequence[str], path: str) -> None:
        self._disk.write(Path(path), _read(segments))


def _read(paths: Iterable[str]) -> bytes:
    return b"".join(Path(path).read_bytes() for path in paths)
