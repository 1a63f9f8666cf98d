"""Checksums of local files, for jobs that do not trust times."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import InputRefused
from pipeline.fetch.checksums import STEP_BYTES, with_checksums
from pipeline.model import Shard


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


async def test_files_have_the_checksum_of_their_content(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """Of any size; members have that of their archive, URLs and files that are gone have none, and what the journal
    knows them by is the version where there is no checksum."""
    large = b"x" * (STEP_BYTES + 1)
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(large)
    shards = [
        Shard((0,), "a", str(tmp_path / "a"), version="v"),
        Shard((1, 0), "b/x", str(tmp_path / "b"), member="x"),
        Shard((1, 1), "b/y", str(tmp_path / "b"), member="y"),
        Shard((2,), "u", "https://host/u", version="etag"),
        Shard((3,), "gone", str(tmp_path / "gone"), version="w"),
    ]
    found = await with_checksums(shards, threads)
    one, many = (f"sha256 {hashlib.sha256(body).hexdigest()}" for body in (b"1", large))
    assert [shard.checksum for shard in found] == [one, many, many, None, None]
    assert [shard.content for shard in found] == [one, many, many, "etag", "w"]


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """Whatever the reason."""
    with pytest.raises(InputRefused, match=r"^odd: "):
        await with_checksums([Shard((0,), "odd", str(tmp_path))], threads)
