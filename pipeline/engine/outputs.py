"""The outputs of a run: opened before any work, shown together at its end, or all left as they were."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline import events
from pipeline.engine.calls import Calls
from pipeline.errors import OutputError
from pipeline.model import ChunkId, Job, Segment, SinkSpec
from pipeline.protocols import Emit, Sink, Written
from pipeline.sink.atomic import is_special, target_of
from pipeline.sink.devices import DeviceSink
from pipeline.sink.files import FileSink
from pipeline.sink.rejects_file import RejectsFile
from pipeline.sink.stdout import StdoutSink

T = TypeVar("T")

RESULT = ChunkId((0,), 0)
"""What a combined result counts as: one chunk, the only one."""


def rejects_path(name: str, sinks: Sequence[SinkSpec]) -> str:
    """`<name>.rejects.ndjson` beside the first output that is a regular file, else in `out`. Absolute, since a worker
    may stand in another folder."""
    folders = [Path(sink.path).parent for sink in sinks if sink.path != "-" and not is_special(Path(sink.path))]
    return str(Path(folders[0] if folders else "out", f"{name}.rejects.ndjson").absolute())


@asynccontextmanager
async def open_outputs(job: Job, name: str, calls: Calls, folder: str, emit: Emit) -> AsyncIterator[Outputs]:
    """Tries out and locks every sink of the job called `name`, before any work; raises OutputError for the first that
    cannot be written, Busy for one that another run is at. Left without `commit`, whatever the reason, every output is
    as it was, and folders made for them are gone."""
    made = _folders_to_make(job.sinks)
    sinks: list[Sink] = []
    try:
        for index in range(len(job.sinks)):
            sinks.append(_sink(job, index, name, calls, folder))
            await sinks[-1].open()
        yield Outputs(sinks, emit)
    finally:
        for sink in sinks:
            await carried_through(sink.abort())  # does nothing after a commit
        with contextlib.suppress(OSError):  # there is something in it: an output, or the rejects
            for above in made:
                above.rmdir()


def _sink(job: Job, index: int, name: str, calls: Calls, folder: str) -> Sink:
    spec = job.sinks[index]
    join = functools.partial(calls.join, job, index)
    if spec.path == "-":
        return StdoutSink(spec.format, join, work=folder, alone=len(job.sinks) == 1)
    if is_special(Path(spec.path)):
        return DeviceSink(spec.path, join, spool=os.path.join(folder, f"device-{index}"))
    return FileSink(spec.path, join, job=name, run=Path(folder).name)


def _folders_to_make(sinks: Sequence[SinkSpec]) -> list[Path]:
    """The folders that opening the sinks is going to make, each before the one that it is in."""
    above = {folder for sink in sinks if sink.path != "-" for folder in target_of(sink.path).parents}
    return sorted((folder for folder in above if not folder.exists()), reverse=True)


class Outputs:
    """The sinks of one run, in the order of the config."""

    def __init__(self, sinks: Sequence[Sink], emit: Emit) -> None:
        self.sinks = sinks
        self._emit = emit

    async def write_result(self, segments: Sequence[Segment]) -> None:
        """Takes a combined result, a segment a sink. Raises OutputError."""
        for sink, segment in zip(self.sinks, segments, strict=True):
            await sink.write(RESULT, segment)

    async def commit(self, rejects: RejectsFile) -> tuple[Written, ...]:
        """Prepares every output and then shows every one, the rejects last.

        Raises OutputError: every output is as it was, unless the disk fails in the very renaming; the error then
        names those that are new. Cancelled before the first file is renamed: every file is as it was. Cancelled later:
        too late, the files are shown and the result is returned.
        """
        try:
            for sink in self.sinks:
                await sink.prepare()
            await rejects.prepare()
            shown = [await self._show(sink) for sink in self.sinks if sink.in_place]
            shown += await carried_through(self._show_files(rejects))
        finally:
            await carried_through(rejects.abort())
        order = {sink: number for number, sink in enumerate(self.sinks)}
        return tuple(written for _, written in sorted(shown, key=lambda pair: order[pair[0]]))

    async def _show_files(self, rejects: RejectsFile) -> list[tuple[Sink, Written]]:
        shown: list[tuple[Sink, Written]] = []
        try:
            for sink in self.sinks:
                if not sink.in_place:
                    shown.append(await self._show(sink))  # noqa: PERF401 - what is shown counts when the next fails
            await rejects.show()
        except OutputError as error:
            new = ", ".join(written.path for _, written in shown)
            hint = f"Shown already: {new}. Run again to renew the others." if new else error.hint
            raise OutputError(error.message, hint) from error
        return shown

    async def _show(self, sink: Sink) -> tuple[Sink, Written]:
        written = await sink.show()
        self._emit(events.OutputCommitted(written.path, written.rows, written.bytes))
        return sink, written


async def show_rejects(rejects: RejectsFile) -> None:
    """Shows the rejects of a run that is refused for them. Raises OutputError. Cancelled: the old file stays, or the
    new one is there."""
    try:
        await rejects.prepare()
        await carried_through(rejects.show())
    finally:
        await carried_through(rejects.abort())


async def carried_through(work: Coroutine[Any, Any, T]) -> T:
    """Awaits the end of something that must not be left half done. A cancellation meanwhile is dropped: it came too
    late, and what has been done says more."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()
    return task.result()
