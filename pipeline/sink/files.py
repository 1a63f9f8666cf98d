"""The file sink: durable segments while the run goes on, one file under its own name at commit.

        write   fsync(segment), fsync(its folder)            segments stay where the worker put them: the run's folder
        commit  join -> .name.run.tmp, fsync, rename, fsync(folder)
        abort   the temporary file goes, the old output stays

aiofiles has no place here: it has no fsync, and a rename that must follow it belongs in the same call in the same
thread. The threads are the sink's own, so that a stalled disk cannot starve the loop's default executor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Written
from pipeline.sink.atomic import Disk, is_special, output_errors, probe, show, sync_or_remove, target_of, temporary_name
from pipeline.sink.pour import Stopped, open_special, pour
from pipeline.sink.segments import Segments

T = TypeVar("T")

JoinSegments = Callable[[Sequence[str], str], Awaitable[None]]
"""Makes one file (second) of segments in order (first), in a worker. Raises OutputError. Once it has raised, or was
cancelled, nobody writes to that file any more."""

THREADS = 4
"""fsyncs at once: the file system answers several with one commit of its journal (0.4 ms each instead of 1.4)."""


class FileSink:
    """Writes one output file, all or nothing. See `protocols.Sink`.

    A symlink is followed: what it points to is replaced. A device or FIFO is written in place, at commit, and so is
    not all or nothing.
    """

    def __init__(self, path: str, join: JoinSegments, *, run: str, work: str, disk: Disk | None = None) -> None:
        """`run` names the temporary file; `work` is the run's own folder."""
        self._path = path
        self._join = join
        self._run = run
        self._work = work
        self._disk = disk or Disk()
        self._segments = Segments()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sink")
        self._stop = threading.Event()
        self._target = Path(path)
        self._special = False
        self._temporary: Path | None = None

    def __repr__(self) -> str:
        return f"<FileSink {self._path} [{self._segments}]>"

    async def open(self) -> None:
        """Tries the place out. Cancelled: waits for the end of the trial (milliseconds); at most a folder was made."""
        await _to_the_end(self._in_thread(lambda: probe(self._path, self._run, self._disk)))

    async def write(self, id: ChunkId, segment: Segment) -> None:
        """Makes the segment durable where it lies. Raises OutputError; the segment file is then gone, since after a
        failed fsync nobody knows what it holds. Cancelled: not written, even should the disk have finished."""
        with self._segments.adding(id, segment):
            await self._in_thread(lambda: self._sync(segment))

    async def commit(self) -> Written:
        """Joins, syncs and shows. Cancelled before the rename: the old output stays and no temporary file; during
        it: waits for its end (milliseconds), the new output is there, and the cancellation goes on."""
        ordered = self._segments.close()
        try:
            temporary = await self._in_thread(self._name_temporary)
            await self._in_thread(lambda: self._check(ordered))
            await self._join_into(temporary, [segment.path for segment in ordered])
            size = await self._in_thread(lambda: self._sync_joined(temporary))
            if self._special:
                await self._in_thread(lambda: self._pour(temporary))
            else:
                await _to_the_end(self._in_thread(lambda: self._show(temporary)))
        finally:
            self._leave()
        return Written(self._path, sum(segment.rows for segment in ordered), size)

    async def abort(self) -> None:
        self._segments.abandon()
        self._leave()

    def _leave(self) -> None:
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._temporary is not None:
            with contextlib.suppress(OSError):  # the error that led here says more
                self._disk.remove(self._temporary)  # after a commit there is none of that name
            self._temporary = None

    def _in_thread(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _sync(self, segment: Segment) -> None:
        with output_errors(segment.path):
            sync_or_remove(Path(segment.path), self._disk)
            self._disk.sync_folder(Path(segment.path).parent)

    def _name_temporary(self) -> Path:
        self._special = is_special(Path(self._path))
        self._target = Path(self._work, "output") if self._special else target_of(self._path)
        self._temporary = temporary_name(self._target, self._run)
        return self._temporary

    def _check(self, ordered: Sequence[Segment]) -> None:
        for segment in ordered:
            with output_errors(segment.path):
                size = Path(segment.path).stat().st_size
            if size != segment.bytes:
                raise OutputError(
                    f"{segment.path}: has {size:,} bytes, and had {segment.bytes:,} when it was written",
                    "Something else writes in run.state. Nothing of this output was shown.",
                )

    async def _join_into(self, temporary: Path, segments: Sequence[str]) -> None:
        try:
            await self._join(segments, str(temporary))
        except OutputError as error:  # says the hidden name, which means nothing to the user
            raise OutputError(error.message.replace(str(temporary), self._path), error.hint) from error

    def _sync_joined(self, temporary: Path) -> int:
        with output_errors(self._path):
            size = temporary.stat().st_size
            sync_or_remove(temporary, self._disk)
            return size

    def _show(self, temporary: Path) -> None:
        with output_errors(self._path):
            show(temporary, self._target, self._disk)

    def _pour(self, temporary: Path) -> None:
        with output_errors(self._path):
            try:
                descriptor = open_special(self._path, self._stop)
                try:
                    pour(str(temporary), descriptor, self._stop)
                finally:
                    os.close(descriptor)
            except Stopped as error:
                raise OutputError(f"{self._path}: stopped before its end") from error


async def _to_the_end(work: asyncio.Future[None]) -> None:
    """Waits until a thread is done, cancelled or not: its work cannot be half undone."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # looked at: the cancellation says enough
        raise
