"""Opens stored bodies for reading, by blocking calls: files, and members of zip archives. Here OSError becomes ours.

A local file that changes under a run would give a mixture of two versions. Who reads it compares its version before
and after. Messages lack the shard's name: `naming` puts it in front, once.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
import zlib
from collections.abc import Generator, Iterator
from typing import Final

from pipeline.codecs.detect import PREFIX_BYTES
from pipeline.errors import CorruptInput, InputMissing, InputRefused, PipelineError, ServerError
from pipeline.model import Shard

READ_BYTES: Final = 1 << 20


@contextlib.contextmanager
def naming(shard: Shard) -> Iterator[None]:
    """Errors of the input from in here start with the name of the shard."""
    try:
        yield
    except (InputRefused, InputMissing, ServerError) as error:
        raise type(error)(f"{shard.name}: {error.message}", error.hint) from error


def file_version(stat: os.stat_result) -> str:
    """Equal versions mean equal bytes, as far as a file system tells: size, mtime, ctime and inode.

    Whoever sets an mtime back (cp -p, tar, rsync -t, a mv over the file) cannot set the ctime back, nor choose it. Two
    files of one size written within a tick of the kernel's clock (some milliseconds) differ in the inode alone: a link
    to a folder that now leads to another. The price: a chmod, a new hard link, and a new mount of some network file
    systems look like a change, and cost reading the file again. What no stat tells is a rewrite of equal size, in
    place, within the tick in which the file was listed.
    """
    return f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}-{stat.st_ino}"


def listed_version(shard: Shard, path: str) -> str | None:
    """The version that the file at `path` must have: a copy that the run has made of a shard has none."""
    return shard.version if path == shard.location else None


def refused(error: OSError) -> PipelineError:
    """What an OSError of opening or reading a file means."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return InputMissing("no such file")
    return InputRefused(f"cannot be read: {error.strerror}")


@contextlib.contextmanager
def open_file(path: str, version: str | None = None) -> Iterator[int]:
    """A descriptor for reading. Raises InputMissing, or InputRefused where the file cannot be read or has another
    version than the one given, before or after."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            check_version(fd, version)
            yield fd
            check_version(fd, version)
        finally:
            os.close(fd)
    except OSError as error:
        raise refused(error) from error


def check_version(fd: int, version: str | None) -> None:
    """Raises InputRefused for an open file of another version than the one given."""
    if version is not None and file_version(os.fstat(fd)) != version:
        raise InputRefused("changed while it was read", "Run again when nobody writes to it.")


def first_bytes(path: str) -> bytes:
    """Enough of a file to tell its compression. Raises InputMissing and InputRefused."""
    with open_file(path) as fd:
        return os.pread(fd, PREFIX_BYTES, 0)


def read_exactly(fd: int, start: int, stop: int) -> bytes:
    """The bytes [start, stop), fewer only where the file ends."""
    data = os.pread(fd, stop - start, start)
    if len(data) in (0, stop - start):
        return data
    return b"".join([data, read_exactly(fd, start + len(data), stop)])  # one read gives 2 GiB at most


def pieces(path: str, member: str | None = None, version: str | None = None) -> Generator[bytes, None, None]:
    """The stored bytes of a file, or of a member of the archive there, which is checked against its CRC."""
    with open_file(path, version) as fd:
        if member is None:
            at = 0
            while data := os.pread(fd, READ_BYTES, at):
                yield data
                at += len(data)
        else:
            with _archive(fd) as archive, archive.open(member) as body:
                while data := body.read(READ_BYTES):
                    yield data


def zip_members(path: str) -> list[tuple[str, int]]:
    """Name and stored size of every file in the archive, in its own order. Raises CorruptInput for what is no
    archive, InputRefused for an encrypted one and for two members of one name."""
    with open_file(path) as fd, _archive(fd) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if any(info.flag_bits & 1 for info in infos):
            raise InputRefused("the zip archive is encrypted")
        if len({info.filename for info in infos}) < len(infos):
            raise InputRefused("the zip archive holds two files of one name")
        return [(info.filename, info.compress_size) for info in infos]


@contextlib.contextmanager
def _archive(fd: int) -> Iterator[zipfile.ZipFile]:
    try:
        with open(fd, "rb", closefd=False) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise CorruptInput(f"the zip archive is damaged: {error or 'it is cut'}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise InputRefused(f"the zip archive cannot be read: {error}") from error
