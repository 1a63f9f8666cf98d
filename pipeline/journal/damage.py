"""Tells what a disk has damaged since it was journaled, by the checksum that the journal has of it.

A CRC-32 finds every burst of up to 32 bits, and of other damage all but one in four thousand million; it costs less
than the reading. What writes below run.state on purpose is not its business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib

from pipeline.errors import DamagedPart
from pipeline.journal.schema import journal_errors, open_reading, parts_folder

_BLOCK_BYTES = 1 << 20

_KEPT = """
SELECT shard.id, shard.name, path, inline, NULL, crc FROM part JOIN shard ON shard.id = part.shard
UNION ALL SELECT shard.id, shard.name, path, NULL, bytes, crc FROM segment JOIN shard ON shard.id = segment.shard
UNION ALL SELECT shard.id, shard.name, rejects, NULL, NULL, rejects_crc FROM task JOIN shard ON shard.id = task.shard
    WHERE rejects IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not what it was when it was journaled."""

    shard: int
    """What was made of it is worth nothing."""
    name: str
    """Of the shard."""
    message: str
    """What it is, and what is wrong with it."""


def checksum(content: bytes) -> int:
    """What the journal keeps of something that lies in itself."""
    return int(isal_zlib.crc32(content))


def file_checksum(path: str) -> int:
    """What the journal keeps of a file. Reads it in blocks. Raises OSError."""
    block, crc = bytearray(_BLOCK_BYTES), 0
    view = memoryview(block)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            crc = isal_zlib.crc32(view[:count], crc)
    return int(crc)


def check_content(content: bytes, crc: int | None, place: str) -> None:
    """Raises DamagedPart for bytes out of the journal at `place` that are not those of the checksum."""
    if crc is not None and checksum(content) != crc:
        raise DamagedPart(f"{place}: a partial in it is damaged")


def check_file(path: str, crc: int | None, size: int | None = None) -> None:
    """Raises DamagedPart for a file that is not that of the checksum, is cut, or cannot be read. None: it was never
    made durable, so nothing is known of it. `size`: as its worker knew it, since a file may be cut before the checksum
    is taken."""
    if crc is None:
        return
    try:
        found, found_size = file_checksum(path), Path(path).stat().st_size
    except OSError as error:
        raise DamagedPart(f"{path}: cannot be read: {error.strerror}") from error
    if found != crc or size not in (None, found_size):
        raise DamagedPart(f"{path}: is damaged")


def find_damage(path: str) -> Iterator[Damage]:
    """Reads everything that the journal at `path` speaks of. Raises OutputError where it cannot be read itself."""
    folder = parts_folder(path)
    with journal_errors(path), closing(open_reading(path)) as db:
        for shard, name, file, inline, size, crc in db.execute(_KEPT):
            try:
                if file is None:
                    check_content(inline or b"", crc, path)
                else:
                    check_file(f"{folder}/{file}", crc, size)
            except DamagedPart as error:
                yield Damage(shard, name, error.message)
