"""What sinks of joined segments share: durable segments while the run goes on, one file made of them at its end.

aiofiles has no place here: it has no fsync, and a rename that must follow it belongs in the same call in the same
thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pipeline.errors import DamagedPart, OutputError
from pipeline.model import ChunkId, Segment
from pipeline.sink.atomic import Disk, output_errors, sync_or_remove
from pipeline.sink.segments import Segments
from pipeline.sink.threads import Threads

JoinSegments = Callable[[Sequence[str], str], Awaitable[None]]
"""Makes one file (second) of segments in order (first), in a worker. Raises OutputError. Once it has raised, or was
cancelled, nobody writes to that file any more."""


class JoinedSink(ABC):
    """Segments stay where the worker put them, in the run's folder, until `prepare` joins them."""

    def __init__(self, path: str, join: JoinSegments, disk: Disk | None) -> None:
        self.path = path
        self._join = join
        self._disk = disk or Disk()
        self._segments = Segments()
        self._threads = Threads("sink")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} [{self._segments}]>"

    async def write(self, id: ChunkId, segment: Segment) -> None:
        """Makes the segment durable where it lies; one that is so already costs two syncs of nothing. Raises
        OutputError; the segment file is then gone, since after a failed fsync nobody knows what it holds. Cancelled:
        not written, even should the disk have finished."""
        with self._segments.adding(id, segment):
            await self._threads.run(lambda: self._sync(segment))

    async def abort(self) -> None:
        self._segments.abandon()
        self._leave()

    @abstractmethod
    def _leave(self) -> None:
        """Puts everything in order but the output. May be called again."""

    async def _join_into(self, temporary: Path) -> None:
        """Joins everything written. Raises OutputError."""
        with self._segments.preparing() as ordered:
            await self._threads.run(lambda: _check(ordered))
            await self._join([segment.path for segment in ordered], str(temporary))
            await self._threads.run(self._joined)

    @abstractmethod
    def _joined(self) -> None:
        """What is to be done with the joined file, in a thread. Raises OutputError."""

    def _sync(self, segment: Segment) -> None:
        with output_errors(segment.path, "run.state"):
            sync_or_remove(Path(segment.path), self._disk)
            self._disk.sync_folder(Path(segment.path).parent)


def spooled(join: JoinSegments) -> JoinSegments:
    """The join for a file that lies in the run's folder, where another `sink` is no remedy."""

    async def into_the_spool(segments: Sequence[str], path: str) -> None:
        try:
            await join(segments, path)
        except OutputError as error:
            raise OutputError(error.message, "It lies in the folder of the run: `run.state` says where.") from error

    return into_the_spool


def _check(ordered: Sequence[Segment]) -> None:
    for segment in ordered:
        with output_errors(segment.path, "run.state"):
            size = Path(segment.path).stat().st_size
        if size != segment.bytes:
            raise DamagedPart(
                f"{segment.path}: has {size:,} bytes, and had {segment.bytes:,} when it was written",
                "Something else writes in run.state. Nothing of this output was shown.",
            )
