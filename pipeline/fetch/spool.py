"""A file of the run's own for what cannot be read as a stream: archives and parquet files from servers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.codecs.compression import STEP_BYTES, inflater
from pipeline.codecs.stored import naming
from pipeline.errors import OutputError
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.threads import in_steps
from pipeline.model import Shard


class SpoolFile:
    """Is removed when it has been closed and its last user has gone."""

    def __init__(self, folder: str) -> None:
        try:
            self._fd, self.path = tempfile.mkstemp(prefix="spool-", dir=folder)
        except OSError as error:
            raise OutputError(f"{folder}: no file can be made in it: {error.strerror}") from error
        self._users = 1
        self.size = 0

    def write(self, data: bytes) -> None:
        """Appends. Raises OutputError where the disk is full."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.size += len(data)

    def user(self) -> Callable[[], None]:
        """One more user; to be called once when it has done."""
        self._users += 1
        return self._leave

    def close(self) -> None:
        """No more users will come. Called once."""
        self._leave()

    def keep(self) -> str:
        """Instead of `close`, without users: the path of a file that goes with its folder."""
        os.close(self._fd)
        return self.path

    def _leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            os.close(self._fd)
            with suppress(FileNotFoundError):
                Path(self.path).unlink()


async def spooled(shard: Shard, batches: AsyncIterable[bytes], compression: str, fetching: Fetching) -> SpoolFile:
    """All of a stream in a file, inflated (but not a zip archive). Raises CorruptInput and OutputError. Cancelled or
    failed: nothing is left."""
    file = SpoolFile(fetching.spec.work_folder)
    stream = inflater("none" if compression == "zip" else compression)

    def steps(batch: bytes) -> Iterator[None]:
        stream.feed(batch)
        stop = file.size + STEP_BYTES
        while data := stream.read():
            file.write(data)
            if file.size >= stop:
                stop = file.size + STEP_BYTES
                yield

    try:
        async for batch in batches:
            with naming(shard):
                await in_steps(fetching.threads, steps(batch))
        with naming(shard):
            stream.finish()
    except BaseException:
        file.close()
        raise
    return file
