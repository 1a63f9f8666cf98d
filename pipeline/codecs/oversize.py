"""Lets a record go that is longer than allowed: what is kept of it is where it was, how long, and how it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.model import Oversize

PREFIX_BYTES = 200


@dataclass(slots=True)
class Skipping:
    """An oversize record while it streams by."""

    byte: int
    """Where it starts in the decoded shard."""
    line: int
    """Lines before it in its chunk."""
    prefix: bytes
    newlines: int
    """Seen in it so far."""

    def ended(self, at: int, *, newline: bool) -> Oversize:
        """It ended at byte `at`, behind its newline if it has one."""
        return Oversize(self.byte, self.line, at - self.byte - newline, self.prefix, self.newlines + (not newline))


def split(pieces: Sequence[bytes | memoryview], length: int) -> tuple[list[bytes | memoryview], bytes, int]:
    """Takes the last `length` bytes off: the pieces before them, their first bytes, and the newlines in them."""
    before = list(pieces)
    taken: list[bytes | memoryview] = []
    while length > 0:
        piece = before.pop()
        if len(piece) > length:
            before.append(memoryview(piece)[:-length])
            piece = memoryview(piece)[-length:]
        length -= len(piece)
        taken.append(piece)
    prefix = b""
    for piece in reversed(taken):
        if len(prefix) >= PREFIX_BYTES:
            break
        prefix += bytes(piece[: PREFIX_BYTES - len(prefix)])
    return before, prefix, newlines(taken)


def newlines(pieces: Sequence[bytes | memoryview]) -> int:
    """How many there are."""
    return sum(bytes(piece).count(b"\n") for piece in pieces)
