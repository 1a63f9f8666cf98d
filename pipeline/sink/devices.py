"""The sink for a device or FIFO: joined into the run's folder, then poured, for such a thing has no second name.

What it has taken cannot be taken back: it is not all or nothing, and no lock guards it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.protocols import Written
from pipeline.sink.atomic import Disk, output_errors
from pipeline.sink.joined import JoinedSink, JoinSegments, spooled
from pipeline.sink.pour import Stopped, open_special, pour


class DeviceSink(JoinedSink):
    """Writes in place, when shown. See `protocols.Sink`."""

    in_place = True

    def __init__(self, path: str, join: JoinSegments, *, spool: str, disk: Disk | None = None) -> None:
        """`spool` is a file of the run's folder that is this sink's own."""
        super().__init__(path, spooled(join), disk)
        self._spool = Path(spool)
        self._stop = threading.Event()
        self._bytes = 0

    async def open(self) -> None:
        await self._threads.run(self._try)

    async def prepare(self) -> None:
        await self._join_into(self._spool)

    async def show(self) -> Written:
        """Waits for a reader and pours. Cancelled: stops within a tenth of a second; what the reader has got may end
        anywhere."""
        self._segments.show()
        try:
            await self._threads.run_through(self._pour, self._stop.set)
        finally:
            self._leave()
        return Written(self.path, self._segments.rows, self._bytes)

    def _try(self) -> None:
        with output_errors(self.path):
            if not os.access(self.path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _joined(self) -> None:
        with output_errors(self.path):
            self._bytes = self._spool.stat().st_size

    def _pour(self) -> None:
        with output_errors(self.path):
            try:
                descriptor = open_special(self.path, self._stop)
                try:
                    pour(str(self._spool), descriptor, self._stop)
                finally:
                    os.close(descriptor)
            except Stopped as error:
                raise OutputError(f"{self.path}: stopped before its end") from error

    def _leave(self) -> None:
        self._stop.set()
        self._threads.end()
        with contextlib.suppress(OSError):  # the error that led here says more
            self._spool.unlink(missing_ok=True)
