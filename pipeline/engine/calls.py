"""The calls into a worker, by name and with types: the parent never imports what they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from pipeline.engine.executors import WorkerDied, Workers
from pipeline.errors import WorkFailed, error_of
from pipeline.model import ChunkBytes, Failure, Job, Outcome, Segment, Task
from pipeline.worker.remote import call

if TYPE_CHECKING:
    from pipeline.codecs.scan import LineScan
    from pipeline.worker.prepare import Prepared

ATTEMPTS = 3
"""How often a call that belongs to no chunk is made before its worker's deaths end the run."""


class Calls:
    """Each method is one call into the next free worker. Raises the PipelineError that the work ended with. Cancelled:
    the worker is killed.

    `run_task` raises WorkerDied as well, since dispatch keeps count of a chunk's deaths. The others blame no chunk:
    they are tried again, and then raise WorkFailed."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.workers = workers.count

    def start(self) -> None:
        """Brings the workers up in the background; the first call does so as well."""
        self._workers.start()

    async def _call(self, target: str, *args: object) -> object:
        for _ in range(ATTEMPTS):
            try:
                return await self._call_once(target, *args)
            except WorkerDied as death:
                reason = str(death)
        raise WorkFailed(
            f"{target.rpartition(':')[2]} ended its worker {ATTEMPTS} times: {reason}",
            "If memory ran out: fewer run.workers need less of it.",
        )

    async def _call_once(self, target: str, *args: object, timeout_s: float | None = None) -> object:
        result = await self._workers.run_within(timeout_s, call, target, *args)
        if isinstance(result, Failure):
            raise error_of(result)
        return result

    async def prepare(self, job: Job, sample: ChunkBytes | str | None) -> Prepared:
        return cast("Prepared", await self._call("pipeline.worker.prepare:prepare", job, sample))

    async def first_records(self, job: Job, task: Task, parts: str, scratch: str, most: int) -> Outcome:
        return cast("Outcome", await self._call("pipeline.worker.task:run_task", job, task, parts, scratch, most))

    async def scan_lines(self, job: Job, path: str, chunk_bytes: int, first: int, chunks: int) -> LineScan:
        parse = job.parse
        args = (path, parse.quote, chunk_bytes, first, chunks, parse.line_column)
        return cast("LineScan", await self._call("pipeline.codecs.scan:scan_lines", *args))

    async def row_groups(self, path: str) -> tuple[tuple[int, int], ...]:
        return cast("tuple[tuple[int, int], ...]", await self._call("pipeline.parse.parquet:row_groups", path))

    async def run_task(self, job: Job, task: Task, parts: str, scratch: str, timeout_s: float) -> Outcome:
        call = self._call_once("pipeline.worker.task:run_task", job, task, parts, scratch, timeout_s=timeout_s)
        return cast("Outcome", await call)

    async def combine_bucket(self, job: Job, journal: str, index: int, count: int, folder: str) -> str:
        return cast(
            "str", await self._call("pipeline.worker.combine:combine_bucket", job, journal, index, count, folder)
        )

    async def finish(self, job: Job, buckets: Sequence[str], folder: str) -> tuple[Segment, ...]:
        return cast("tuple[Segment, ...]", await self._call("pipeline.worker.combine:finish", job, buckets, folder))

    async def join(self, job: Job, sink: int, segments: Sequence[str], path: str) -> None:
        await self._call("pipeline.worker.combine:join", job, sink, segments, path)

    async def join_rejects(self, journal: str, path: str) -> int:
        return cast("int", await self._call("pipeline.worker.combine:join_rejects", journal, path))
