"""The `-` sink: rows go to standard output as chunks complete, in that order; a slow reader slows the run down."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Written
from pipeline.sink.joined import JoinSegments, spooled
from pipeline.sink.pour import Stopped, pour
from pipeline.sink.segments import Segments
from pipeline.sink.standard_output import ReaderGone, require_writable, standard_output_error
from pipeline.sink.threads import Threads

_STREAMED = ("csv", "ndjson")
"""Formats that may be written piece by piece. Of the others the whole comes at the end, in canonical order."""


class StdoutSink:
    """Writes to a descriptor that is open already. See `protocols.Sink`; what was written cannot be taken back."""

    in_place = True

    def __init__(self, format: str, join: JoinSegments, *, work: str, alone: bool, descriptor: int = 1) -> None:
        """`work` is the run's own folder. What `join` makes of no segments is what comes before the first row.
        `alone`: nobody is served any more once the reader has gone. Other sinks still are: then it takes the rest and
        says nothing."""
        self._streams = format in _STREAMED
        self._join = spooled(join)
        self._spool = str(Path(work, f"stdout-{descriptor}"))
        self._alone = alone
        self._descriptor = descriptor
        self._segments = Segments()
        self._threads = Threads("stdout", 1)
        self._turn = asyncio.Lock()
        self._stop = threading.Event()
        self._bytes = 0
        self._begun = False
        self._reader_gone = False

    def __repr__(self) -> str:
        return f"<StdoutSink [{self._segments}, {self._bytes:,} bytes]>"

    async def open(self) -> None:
        """Raises OutputError where standard output is closed, or cannot be written."""
        require_writable(self._descriptor)

    async def write(self, id: ChunkId, segment: Segment) -> None:
        """Returns when the reader, or the pipe, has taken all bytes. Raises ReaderGone where this is the only sink.
        Cancelled: stops within a tenth of a second; what the reader has got may end anywhere, and nothing more can be
        written."""
        with self._segments.adding(id, segment):
            if self._streams:
                async with self._turn:
                    if not self._begun:
                        self._begun = True
                        await self._join([], self._spool)
                        await self._pour(self._spool)
                    await self._pour(segment.path)
                if self._reader_gone and self._alone:
                    raise ReaderGone("standard output: its reader has gone")

    async def prepare(self) -> None:
        """Joins what has not been poured yet. Raises OutputError."""
        with self._segments.preparing() as ordered:
            if not self._streams:
                await self._join([segment.path for segment in ordered], self._spool)
            elif not self._begun:
                await self._join([], self._spool)

    async def show(self) -> Written:
        """Pours what waits. A reader that has gone is no error: everything has been done. Cancelled: as `write`."""
        self._segments.show()
        try:
            if not (self._streams and self._begun):
                await self._pour(self._spool)
        finally:
            self._leave()
        return Written("-", self._segments.rows, self._bytes)

    async def abort(self) -> None:
        self._segments.abandon()
        self._leave()

    async def _pour(self, path: str) -> None:
        if not self._reader_gone:
            await self._threads.run_through(lambda: self._pour_now(path), self._stop.set)

    def _pour_now(self, path: str) -> None:
        try:
            pour(path, self._descriptor, self._stop)
            self._bytes += Path(path).stat().st_size
        except Stopped as error:
            raise OutputError("standard output: stopped before its end") from error
        except BrokenPipeError:
            self._reader_gone = True
        except OSError as error:
            raise standard_output_error(error) from error

    def _leave(self) -> None:
        self._stop.set()
        self._threads.end()
        Path(self._spool).unlink(missing_ok=True)
