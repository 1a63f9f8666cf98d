"""The outputs of a run: opened before any work, shown together at its end, or all left as they were."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline import events
from pipeline.engine.calls import Calls
from pipeline.model import ChunkId, Job, Segment, SinkSpec
from pipeline.protocols import Emit, Sink, Written
from pipeline.sink.atomic import is_special
from pipeline.sink.files import FileSink
from pipeline.sink.stdout import StdoutSink

RESULT = ChunkId((0,), 0)
"""What a combined result counts as: one chunk, the only one."""


def rejects_path(name: str, sinks: Sequence[SinkSpec]) -> str:
    """`<name>.rejects.ndjson` beside the first output that is a regular file, else in `out`. Absolute, since a worker
    may stand in another folder."""
    folders = [Path(sink.path).parent for sink in sinks if sink.path != "-" and not is_special(Path(sink.path))]
    return str(Path(folders[0] if folders else "out", f"{name}.rejects.ndjson").absolute())


@asynccontextmanager
async def open_outputs(job: Job, calls: Calls, folder: str, emit: Emit) -> AsyncIterator[Outputs]:
    """Tries out every sink, before any work; raises OutputError for the first that cannot be written. Left without
    `commit`, whatever the reason, every output is as it was."""
    run = Path(folder).name
    sinks: list[Sink] = []
    try:
        for index, spec in enumerate(job.sinks):
            join = functools.partial(calls.join, job, index)
            sinks.append(
                StdoutSink(spec.format, join, work=folder)
                if spec.path == "-"
                else FileSink(spec.path, join, run=run, work=folder)
            )
            await sinks[-1].open()
        yield Outputs(sinks, emit)
    finally:
        for sink in sinks:
            await asyncio.shield(sink.abort())  # does nothing after a commit


class Outputs:
    """The sinks of one run, in the order of the config."""

    def __init__(self, sinks: Sequence[Sink], emit: Emit) -> None:
        self.sinks = sinks
        self._emit = emit

    async def write_result(self, segments: Sequence[Segment]) -> None:
        """Takes a combined result, a segment a sink. Raises OutputError."""
        for sink, segment in zip(self.sinks, segments, strict=True):
            await sink.write(RESULT, segment)

    async def commit(self) -> tuple[Written, ...]:
        """Shows every output. Raises OutputError; those before the one that failed are shown, each whole."""
        written: list[Written] = []
        for sink in self.sinks:
            written.append(await sink.commit())
            self._emit(events.OutputCommitted(written[-1].path, written[-1].rows, written[-1].bytes))
        return tuple(written)
