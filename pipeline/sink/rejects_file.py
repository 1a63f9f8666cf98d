"""The file of rejects: prepared with the outputs of a run and shown after them, or alone where a run is refused."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from pipeline.protocols import FileStamp
from pipeline.sink.atomic import Disk
from pipeline.sink.place import Place
from pipeline.sink.threads import Threads

JoinRejects = Callable[[str], Awaitable[object]]
"""Makes one file of the rejects of all tasks, in a worker. Raises OutputError."""


class RejectsFile:
    """What is there is always about the last run: without rejects the file of an earlier one is removed, and where
    there is none, nothing is touched. prepare, show, abort as in `protocols.Sink`."""

    def __init__(
        self, path: str, count: int, join: JoinRejects, *, job: str, run: str, disk: Disk | None = None
    ) -> None:
        """`count`: how many rejects there are. `job` and `run` as in FileSink."""
        self._place = Place(path, job=job, run=run, disk=disk or Disk())
        self._count = count
        self._join = join
        self._threads = Threads("rejects", 1)
        self._there = False
        self.stamp: FileStamp | None = None
        """Of the file, once it is prepared; None without rejects."""

    async def prepare(self) -> None:
        """Raises OutputError, and Busy while another run writes this file; leaves the old file then. Cancelled: the
        same."""
        self._there = os.path.isfile(self._place.path)  # noqa: ASYNC240, PTH113 - one look
        if not (self._count or self._there):
            return
        await self._threads.run_through(self._place.take)
        if self._count:
            await self._join(str(self._place.temporary))
            self.stamp = await self._threads.run(self._place.sync)

    async def show(self) -> None:
        """Raises OutputError. Cancelled: waits for the end, milliseconds."""
        try:
            if self._count:
                await self._threads.run_through(self._place.show)
            elif self._there:
                await self._threads.run_through(self._place.remove)
        finally:
            await self.abort()

    async def abort(self) -> None:
        """Removes what is not shown. May be called again."""
        self._threads.end()
        self._place.leave()
