"""Local files as a source: literal names, globs, and the members of zip archives."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

from natsort import natsort_keygen, ns

from pipeline.codecs.detect import compression_of
from pipeline.codecs.stored import (
    READ_BYTES,
    check_version,
    file_version,
    first_bytes,
    naming,
    pieces,
    refused,
    zip_members,
)
from pipeline.errors import InputMissing, InputRefused
from pipeline.events import ShardSkipped
from pipeline.fetch.patterns import is_glob
from pipeline.fetch.threads import in_thread
from pipeline.model import Shard
from pipeline.protocols import Emit, Opened

natural_key = natsort_keygen(alg=ns.PATH)


class FileSource:
    """The files of one input, its braces expanded. Order: that of the names, a glob's files sorted naturally.

    `own` are the real paths of files and folders that the job writes: globs never find what is in them. Files whose
    name is not text work; their shard's name shows the odd bytes as backslash escapes.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        threads: Executor,
        emit: Emit,
        own: frozenset[str] = frozenset(),
        on_missing: Literal["fail", "skip"] = "fail",
        archives: bool = True,
    ) -> None:
        self._names = names
        self._threads = threads
        self._emit = emit
        self._own = own
        self._on_missing = on_missing
        self._archives = archives

    async def list(self) -> AsyncIterator[Shard]:
        """Raises InputMissing for a glob without a match and, unless they are to be skipped, for a literal name that
        is gone; InputRefused for what is no file, or no sound archive. Cancelled: the look under way ends first."""
        position = 0
        for name in self._names:
            for path in await in_thread(self._threads, self._paths, name):
                try:
                    shards = await in_thread(self._threads, _shards_at, path, position, self._archives)
                except InputMissing:
                    if self._on_missing == "fail" and path == name:
                        raise
                    self._emit(ShardSkipped(shown_path(path), "no such file"))  # a glob may lose members
                    continue
                position += 1
                for shard in shards:
                    yield replace(shard, optional=path != name)

    def _paths(self, name: str) -> Sequence[str]:
        if not is_glob(name) or os.path.lexists(name):
            return [name]
        matches = {path for path in glob.iglob(name, recursive=True) if Path(path).is_file() and not self._is_own(path)}
        if not matches:
            raise InputMissing(f"{shown_path(name)}: no file matches")
        return sorted(matches, key=lambda path: (natural_key(shown_path(path)), path))

    def _is_own(self, path: str) -> bool:
        if not self._own:
            return False
        real = os.path.realpath(path)
        while real not in self._own:
            real, below = str(Path(real).parent), real
            if real == below:
                return False
        return True

    @contextlib.asynccontextmanager
    async def open(self, shard: Shard) -> AsyncIterator[Opened]:
        """A file through aiofiles, a member of an archive through a thread; its version is the listed one. Raises
        InputMissing, InputRefused, and CorruptInput for an archive. Cancelled: the read under way ends, then the file
        is closed."""
        if shard.member is None:
            async with _opened(shard, self._threads) as file:
                yield Opened(shard.version, _read(shard, file, self._threads))
            return
        stream = pieces(shard.location, shard.member, shard.version)
        try:
            yield Opened(shard.version, _read_member(shard, stream, self._threads))
        finally:
            await in_thread(self._threads, stream.close)

    async def unchanged(self, shard: Shard) -> bool:
        """Whether the file is still the version that was listed: to be asked when all of it has been read. One that may
        be gone may be gone: it was left out and named, or read before."""
        try:
            now = await in_thread(self._threads, os.stat, shard.location)
        except FileNotFoundError:
            return shard.optional or self._on_missing == "skip"
        except OSError:
            return False
        return file_version(now) == shard.version


def shown_path(path: str) -> str:
    """A path as text: names of files are bytes and need not be."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _shards_at(path: str, position: int, archives: bool) -> list[Shard]:  # noqa: FBT001 - called through in_thread
    """The file, or, if it is a zip archive, its members."""
    shard = Shard((position,), shown_path(path), path)
    with naming(shard):
        try:
            found = Path(path).stat()
        except OSError as error:
            raise refused(error) from error
        if not stat.S_ISREG(found.st_mode):
            if stat.S_ISDIR(found.st_mode):
                raise InputRefused("is a folder", f"To read the files in it, give {shown_path(_files_in(path))}")
            raise InputRefused("is no regular file")
        shard = replace(shard, size=found.st_size, version=file_version(found))
        if archives and path.lower().endswith(".zip") and compression_of(first_bytes(path), path) == "zip":
            return members_of(shard, path)
    return [shard]


def _files_in(folder: str) -> str:
    """The glob of them."""
    return os.path.join(glob.escape(folder), "*")


def members_of(shard: Shard, path: str) -> list[Shard]:
    """The members of the archive at `path` as shards. Blocking. Raises CorruptInput and
    InputRefused without the shard's name."""
    return [
        replace(shard, order=(*shard.order, number), name=f"{shard.name}/{member}", size=size, member=member)
        for number, (member, size) in enumerate(zip_members(path))
    ]


@contextlib.asynccontextmanager
async def _opened(shard: Shard, threads: Executor) -> AsyncIterator[BinaryIO]:
    opened: list[BinaryIO] = []  # a file is in here from the moment it is open, also if the wait for it is cancelled
    try:
        with naming(shard):
            try:
                await in_thread(threads, lambda: opened.append(open(shard.location, "rb")))  # noqa: SIM115 - closed below
            except OSError as error:
                raise refused(error) from error
        yield opened[0]
    finally:
        for file in opened:
            await in_thread(threads, file.close)


async def _read(shard: Shard, file: BinaryIO, threads: Executor) -> AsyncIterator[bytes]:
    import aiofiles.threadpool  # noqa: PLC0415 - only a job that streams local files pays for it

    reader = aiofiles.threadpool.wrap(file, executor=threads)
    with naming(shard):
        try:
            while data := await reader.read(READ_BYTES):
                yield data
            check_version(file.fileno(), shard.version)
        except OSError as error:
            raise refused(error) from error


async def _read_member(shard: Shard, stream: Iterator[bytes], threads: Executor) -> AsyncIterator[bytes]:
    with naming(shard):
        while data := await in_thread(threads, next, stream, b""):
            yield data
