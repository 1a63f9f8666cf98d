"""Makes a file appear whole or not at all, and stay: probe, temporary name, fsync, rename, fsync of the folder.

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

_REMEDIES = {
    errno.ENOSPC: "The place is full ({free}): free some space or name another folder in `sink`.",
    errno.EDQUOT: "The quota is used up ({free}): free some space or name another folder in `sink`.",
    errno.EROFS: "The file system is mounted read-only: name another folder in `sink`.",
    errno.EACCES: "The user of this run may not write there: change the rights or name another folder in `sink`.",
    errno.EPERM: "The user of this run may not write there: change the rights or name another folder in `sink`.",
    errno.ENOTDIR: "A part of the path is a file where a folder is needed.",
    errno.EIO: "The disk reports a fault. Nothing of this output was shown; run again once the disk is sound.",
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


def temporary_name(target: Path, run: str) -> Path:
    """A hidden name beside `target`, which says whose it is: `.result.csv.<run>.tmp`."""
    return target.with_name(f"{_start(target)}{run}.tmp")


def probe(path: str, run: str, disk: Disk) -> None:
    """Finds out whether a file can be written and shown at `path`, by doing it under two hidden names.

    Makes the folders above, and removes what a killed run may have left: temporary files of this very output. (Two
    runs that write the same output at the same time are the business of the lock, not of this function.) Raises
    OutputError.
    """
    if Path(path).is_dir() or path.endswith("/"):
        raise OutputError(f"{path}: the output is a folder", "Name a file in `sink`.")
    with output_errors(path):
        if not is_special(Path(path)):
            _probe_file(target_of(path), run, disk)
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _probe_file(target: Path, run: str, disk: Disk) -> None:
    first, second = temporary_name(target, f"{run}.probe"), temporary_name(target, run)
    _make_folders(target.parent, disk)
    _remove_stale(target, disk)
    try:
        first.write_bytes(b"\0" * 4096)
        disk.sync_file(first)  # a full disk may say so only now
        disk.rename(first, second)
    finally:
        disk.remove(first)
        disk.remove(second)


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
def output_errors(path: str) -> Iterator[None]:
    """Turns what the operating system says into an OutputError about `path`."""
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from error


def output_error(path: str, error: Exception) -> OutputError:
    """The error with the path, the system's own words and a remedy."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"\(os error (\d+)\)", str(error))):
        number = int(found[1])  # the dataframe library's way of handing errno on
    words = os.strerror(number) if number is not None else str(error)
    remedy = _REMEDIES.get(number or 0, "").replace("{free}", _free(target_of(path)))
    return OutputError(f"{path}: cannot be written: {words}", remedy)


def _free(path: Path) -> str:
    try:
        folder = next(folder for folder in path.parents if folder.is_dir())
        return f"{shutil.disk_usage(folder).free:,} bytes are free in {folder}"
    except OSError:
        return "how much is free cannot be told"


def _start(target: Path) -> str:
    name = target.name
    if len(os.fsencode(name)) > 180:  # a name has 255 bytes, and the run's id needs some
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{name}."


def _make_folders(folder: Path, disk: Disk) -> None:
    """Makes the folder and those above, each new name made durable in the folder that holds it."""
    if folder.is_dir():
        return
    if not folder.parent.exists():
        _make_folders(folder.parent, disk)
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    disk.sync_folder(folder.parent)


def _remove_stale(target: Path, disk: Disk) -> None:
    start = _start(target)
    stale = [path for path in target.parent.iterdir() if path.name.startswith(start) and path.name.endswith(".tmp")]
    for path in stale:
        disk.remove(path)
