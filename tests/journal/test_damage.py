"""Checksums of what the journal speaks of: what is damaged is found, what is sound is not blamed."""

import os
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DamagedPart
from pipeline.journal import Done, Journal, check_content, check_file, checksum, file_checksum, find_damage
from pipeline.journal.schema import PARTS
from pipeline.model import Segment, Slice, TablePart
from pipeline.testing.nouns import outcome_of

BLOCK = 1 << 20


@given(st.binary(), st.integers(0, 10**6), st.integers(1, 255))
def test_any_byte_that_is_another_is_found(content: bytes, at: int, mask: int) -> None:
    """And the bytes themselves are none."""
    check_content(content, checksum(content), "journal")
    if content:
        damaged = bytearray(content)
        damaged[at % len(content)] ^= mask
        with pytest.raises(DamagedPart, match="journal: a partial in it is damaged"):
            check_content(bytes(damaged), checksum(content), "journal")


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_a_file_is_read_in_blocks(tmp_path: Path, size: int) -> None:
    """The checksum is that of the whole, wherever the blocks end: the CRC-32 that everybody has."""
    content = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "part"
    path.write_bytes(content[:size])
    assert file_checksum(str(path)) == checksum(content[:size]) == zlib.crc32(content[:size])


def test_zeros_that_are_cut_off_are_found(tmp_path: Path) -> None:
    """The end of a file that a power cut has left as zeros, or not at all."""
    path = tmp_path / "part"
    path.write_bytes(bytes(4096))
    crc = file_checksum(str(path))
    for size in (0, 1, 4095, 4097):
        os.truncate(path, size)
        with pytest.raises(DamagedPart, match="part: is damaged"):
            check_file(str(path), crc)


def test_a_file_that_was_cut_before_its_checksum_was_taken_is_damaged(tmp_path: Path) -> None:
    """Its worker has told its size."""
    path = tmp_path / "part"
    path.write_bytes(b"content")
    crc = file_checksum(str(path))
    check_file(str(path), crc, 7)
    with pytest.raises(DamagedPart):
        check_file(str(path), crc, 8)


def test_what_was_never_durable_has_no_checksum(tmp_path: Path) -> None:
    """It is of the run that reads it."""
    check_file(str(tmp_path / "not there"), None)
    check_content(b"x", None, "journal")


def test_all_that_the_journal_speaks_of_is_looked_at(tmp_path: Path) -> None:
    """Each kind by itself, with the shard that it is of; what is gone counts."""
    folder = tmp_path / PARTS
    folder.mkdir()
    paths = [str(folder / name) for name in ("partial", "segment", "rejects", "sound")]
    for path in paths:
        Path(path).write_bytes(b"content")
    crc = checksum(b"content")
    parts = [TablePart("a", 1, paths[0], None, crc), TablePart("b", 1, None, b"content", crc)]
    segment, sound = Segment(paths[1], 1, 7, crc), Segment(paths[3], 1, 7, crc)
    outcomes = [
        outcome_of((0,), 0, parts=parts[:1]),
        outcome_of((1,), 0, parts=parts[1:]),
        outcome_of((2,), 0, slices=[Slice(0, (segment,))]),
        replace(outcome_of((3,), 0, rejects=paths[2]), rejects_crc=crc),
        outcome_of((4,), 0, slices=[Slice(0, (sound,))]),
    ]
    journal = Journal(str(tmp_path / "journal"))
    ids = journal.add_shards("r", [(name, name, "v", 1) for name in "abcde"])
    journal.apply(Done(id, "", outcome, ("csv",)) for id, outcome in zip(ids, outcomes, strict=True))
    assert list(find_damage(journal.path)) == []
    with sqlite3.connect(journal.path) as db:
        db.execute("UPDATE part SET inline = ? WHERE inline IS NOT NULL", (b"contend",))
    db.close()
    Path(paths[0]).write_bytes(b"contend")
    Path(paths[1]).unlink()
    Path(paths[2]).write_bytes(b"conten")
    journal.close()
    assert {(each.name, each.shard, Path(each.message.split(": ")[0]).name) for each in find_damage(journal.path)} == {
        ("a", ids[0], "partial"),
        ("b", ids[1], "journal"),
        ("c", ids[2], "segment"),
        ("d", ids[3], "rejects"),
    }
