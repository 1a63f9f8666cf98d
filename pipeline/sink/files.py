"""The file sink: one file under its own name, all or nothing.

open     lock .name.pipeline.lock
write    fsync(segment), fsync(its folder)
prepare  join -> .name.run.tmp, fsync
show     rename, fsync(folder)
abort    the temporary file and the lock go, the old output stays
"""

from __future__ import annotations

from pipeline.errors import OutputError
from pipeline.protocols import FileStamp, Written
from pipeline.sink.atomic import Disk
from pipeline.sink.joined import JoinedSink, JoinSegments
from pipeline.sink.place import Place


class FileSink(JoinedSink):
    """Writes one output file. See `protocols.Sink`. A symlink is followed: what it points to is replaced."""

    in_place = False

    def __init__(self, path: str, join: JoinSegments, *, job: str, run: str, disk: Disk | None = None) -> None:
        """`job` is named to whoever finds the lock taken; `run` is distinct for every run."""
        super().__init__(path, join, disk)
        self._place = Place(path, job=job, run=run, disk=self._disk)
        self._stamp: FileStamp | None = None

    async def open(self) -> None:
        """Tries the place out and locks it. Raises OutputError, and Busy while another run writes this file.
        Cancelled: waits for the end of the trial (milliseconds); `abort` lets go of the lock."""
        await self._threads.run_through(self._place.take)

    async def prepare(self) -> None:
        """Joins and syncs: everything that takes long or may fail. Cancelled: the old output stays, and no temporary
        file once `abort` was called."""
        temporary = self._place.temporary
        try:
            await self._join_into(temporary)
        except OutputError as error:  # says the hidden name, which means nothing to the user
            raise type(error)(error.message.replace(str(temporary), self.path), error.hint) from error

    async def show(self) -> Written:
        """Renames: milliseconds. Cancelled: waits for the end, the new output is there, and the cancellation goes
        on."""
        self._segments.show()
        try:
            await self._threads.run_through(self._place.show)
        finally:
            self._leave()
        assert self._stamp is not None, "shown before prepared"
        return Written(self.path, self._segments.rows, self._stamp.bytes, self._stamp)

    def _joined(self) -> None:
        self._stamp = self._place.sync()

    def _leave(self) -> None:
        self._threads.end()
        self._place.leave()
