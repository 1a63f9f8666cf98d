"""Makes a file appear whole or not at all, and stay: hidden name, fsync, rename, fsync of the folder.

The order is the one that survives a power cut: the bytes, then the name, then the folder that holds the name. A failed
fsync is never tried again: Linux may have marked the pages clean, so that a second call would succeed with the data
gone. The file is thrown away instead and the error passed on.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.journal.damage import file_checksum

_REMEDIES = {
    errno.ENOSPC: "The place is full ({free}): free some space or {elsewhere}.",
    errno.EDQUOT: "The quota is used up ({free}): free some space or {elsewhere}.",
    errno.EROFS: "The file system is mounted read-only: {elsewhere}.",
    errno.EACCES: "The user of this run may not write there: change the rights or {elsewhere}.",
    errno.EPERM: "The user of this run may not write there: change the rights or {elsewhere}.",
    errno.ENOENT: "A folder of the path has gone since the run began: run again or {elsewhere}.",
    errno.ENOTDIR: "A part of the path is a file where a folder is needed: {elsewhere}.",
    errno.EISDIR: "A folder has this name: {elsewhere}.",
    errno.ELOOP: "Its symbolic links lead round in a circle: mend them or {elsewhere}.",
    errno.ENAMETOOLONG: "A file system takes names of 255 bytes and paths of 4,096: {elsewhere}.",
    errno.ENOLCK: "The file system has no locks, which keep two runs from one output: {elsewhere}.",
    errno.ENOSYS: "The file system lacks what a safe output needs: {elsewhere}.",
    errno.EOPNOTSUPP: "The file system lacks what a safe output needs: {elsewhere}.",
    errno.EIO: "The disk reports a fault. Run again once it is sound, or {elsewhere}.",
    errno.EFBIG: "The file would grow larger than the file system or the limit of the process allows.",
}


class Disk:
    """The calls that change what a reader, or the next power cut, finds. Tests stop between any two of them."""

    def sync_file(self, path: Path) -> None:
        _sync(path)

    def sync_folder(self, path: Path) -> None:
        _sync(path)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def checksum(self, path: Path) -> int:
        """What the journal is to keep of a file."""
        return file_checksum(str(path))

    def take(self, path: Path, most_bytes: int) -> bytes | None:
        """The content of a small file, which is gone then; None for a larger one, which stays."""
        if path.stat().st_size > most_bytes:
            return None
        content = path.read_bytes()
        self.remove(path)
        return content


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_special(path: Path) -> bool:
    """A device, FIFO or socket: written in place, never renamed over."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def target_of(path: str) -> Path:
    """The file that a symlink stands for: what is renamed over, so that the link stays one."""
    return Path(os.path.realpath(path))


def hidden_name(target: Path, end: str) -> Path:
    """A hidden name beside `target`, where a rename is atomic and no glob of inputs looks: `.result.csv.<end>`."""
    name = target.name
    if len(os.fsencode(name)) > 180:  # a name has 255 bytes, and the end needs some
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return target.with_name(f".{name}.{end}")


def sync_or_remove(path: Path, disk: Disk) -> None:
    """Makes the bytes of a file durable. One that cannot be synced is removed, since nobody knows what is in it.
    Raises OSError."""
    try:
        disk.sync_file(path)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(path)
        raise


def show(temporary: Path, target: Path, disk: Disk) -> None:
    """Gives a file that is synced its own name, for good. Raises OSError.

    To be run to its end in one thread: between the two calls the result is visible but not yet durable.
    """
    disk.rename(temporary, target)
    disk.sync_folder(target.parent)


@contextlib.contextmanager
def output_errors(path: str, setting: str = "sink") -> Iterator[None]:
    """Turns what the operating system says into an OutputError about `path`, which `setting` of the config chose."""
    try:
        yield
    except OSError as error:
        raise output_error(path, error, setting) from error


def output_error(path: str, error: Exception, setting: str = "sink") -> OutputError:
    """The error with the path, the system's own words and a remedy."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"\(os error (\d+)\)", str(error))):
        number = int(found[1])  # the dataframe library's way of handing errno on
    words = os.strerror(number) if number is not None else str(error)
    elsewhere = f"name another {'file' if setting == 'sink' else 'folder'} in `{setting}`"
    remedy = _REMEDIES.get(number or 0, "").replace("{elsewhere}", elsewhere)
    if "{free}" in remedy:
        remedy = remedy.replace("{free}", _free(target_of(path)))
    return OutputError(f"{path}: cannot be written: {words}", remedy)


def _free(path: Path) -> str:
    try:
        folder = next(folder for folder in path.parents if folder.is_dir())
        return f"{shutil.disk_usage(folder).free:,} bytes are free in {folder}"
    except OSError:
        return "how much is free cannot be told"
