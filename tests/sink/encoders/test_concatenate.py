"""Concatenation: the kernel's copy, and what takes its place where the kernel refuses."""

import errno
import io
import os
import resource
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.sink.encoders.concatenate import concatenate, copy_plainly


def test_pieces_are_laid_end_to_end(tmp_path: Path) -> None:
    """Bytes and files, empty ones among them, in the order given; an old file is overwritten."""
    (tmp_path / "a").write_bytes(os.urandom(100_000))
    (tmp_path / "empty").touch()
    (tmp_path / "out").write_bytes(bytes(1_000_000))
    concatenate([b"[", f"{tmp_path}/a", f"{tmp_path}/empty", b"", f"{tmp_path}/a", b"]"], f"{tmp_path}/out")
    data = (tmp_path / "a").read_bytes()
    assert (tmp_path / "out").read_bytes() == b"[" + data + data + b"]"


def test_where_the_kernel_refuses_bytes_are_copied(tmp_path: Path) -> None:
    """copy_file_range knows regular files only; across others, and some file systems, plain reads and writes do."""
    (tmp_path / "a").write_bytes(os.urandom(100_000))
    os.mkfifo(tmp_path / "out")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "out").read_bytes()))
    reader.start()
    concatenate([b"head", f"{tmp_path}/a", f"{tmp_path}/a"], f"{tmp_path}/out")
    reader.join()
    assert read == [b"head" + (tmp_path / "a").read_bytes() * 2]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """No error number is lost on the way."""
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(OSError, match="No space left"):
        concatenate([f"{tmp_path}/a"], "/dev/full")


def test_a_disk_that_becomes_full_loses_nothing_in_silence() -> None:
    """A raw write may take a part and return how much: what is left is written again, until the disk says why not."""

    class Filling(io.RawIOBase):
        def __init__(self) -> None:
            self.held = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            taken = bytes(data)[: min(10, 25 - len(self.held))]
            if not taken:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.held += taken
            return len(taken)

    disk = Filling()
    copy_plainly(io.BytesIO(b"x" * 25), disk)  # type: ignore[arg-type]
    assert disk.held == b"x" * 25
    with pytest.raises(OSError, match="No space left"):
        copy_plainly(io.BytesIO(b"x" * 26), Filling())  # type: ignore[arg-type]


def test_a_file_that_may_not_grow_is_told(tmp_path: Path) -> None:
    """The limit of the process (`ulimit -f`) stands for a disk that becomes full half-way through a piece."""
    (tmp_path / "a").write_bytes(os.urandom(100_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            concatenate([f"{tmp_path}/a", f"{tmp_path}/a"], f"{tmp_path}/out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
