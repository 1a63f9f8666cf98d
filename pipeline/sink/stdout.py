"""The `-` sink: rows go to standard output as chunks complete, in that order; a slow reader slows the run down."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Written
from pipeline.sink.atomic import output_error
from pipeline.sink.files import JoinSegments
from pipeline.sink.pour import Stopped, pour
from pipeline.sink.segments import Segments

_STREAMED = ("csv", "ndjson")
"""Formats that may be written piece by piece. Of the others the whole comes at commit, in canonical order."""


class ReaderGone(OutputError):
    """The reader of standard output has closed it, as `head` does once it has enough. Nobody's fault: the run may end
    in silence and with success."""

    exit_code: ClassVar[int] = 0


class StdoutSink:
    """Writes to a descriptor that is open already. See `protocols.Sink`; what was written cannot be taken back."""

    def __init__(self, format: str, join: JoinSegments, *, work: str, descriptor: int = 1) -> None:
        """`work` is the run's own folder. What `join` makes of no segments is what comes before the first row."""
        self._streams = format in _STREAMED
        self._join = join
        self._spool = str(Path(work, f"stdout-{descriptor}"))
        self._descriptor = descriptor
        self._segments = Segments()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="stdout")
        self._turn = asyncio.Lock()
        self._stop = threading.Event()
        self._bytes = 0
        self._begun = False

    def __repr__(self) -> str:
        return f"<StdoutSink [{self._segments}, {self._bytes:,} bytes]>"

    async def open(self) -> None:
        """Raises OutputError where standard output is closed."""
        try:
            os.fstat(self._descriptor)
        except OSError as error:
            raise output_error("standard output", error) from error

    async def write(self, id: ChunkId, segment: Segment) -> None:
        """Returns when the reader, or the pipe, has taken all bytes. Raises ReaderGone. Cancelled: stops within a
        tenth of a second; what the reader has got may end anywhere, and nothing more can be written."""
        with self._segments.adding(id, segment):
            if self._streams:
                async with self._turn:
                    await self._begin()
                    await self._pour(segment.path)

    async def commit(self) -> Written:
        ordered = self._segments.close()
        try:
            if self._streams:
                await self._begin()
            else:
                await self._pour_joined([segment.path for segment in ordered])
        finally:
            self._leave()
        return Written("-", sum(segment.rows for segment in ordered), self._bytes)

    async def abort(self) -> None:
        self._segments.abandon()
        self._leave()

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._pour_joined([])

    async def _pour_joined(self, segments: list[str]) -> None:
        await self._join(segments, self._spool)
        await self._pour(self._spool)

    async def _pour(self, path: str) -> None:
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._pour_now, path)
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # looked at: the cancellation says enough
            raise

    def _pour_now(self, path: str) -> None:
        try:
            pour(path, self._descriptor, self._stop)
            self._bytes += Path(path).stat().st_size
        except Stopped as error:
            raise OutputError("standard output: stopped before its end") from error
        except BrokenPipeError as error:
            raise ReaderGone("standard output: its reader has gone") from error
        except OSError as error:
            raise output_error("standard output", error) from error

    def _leave(self) -> None:
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        Path(self._spool).unlink(missing_ok=True)
