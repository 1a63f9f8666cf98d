"""Concatenation: the kernel's copy, and what takes its place where the kernel refuses."""

import os
import threading
from pathlib import Path

import pytest

from pipeline.sink.encoders.concatenate import concatenate


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
