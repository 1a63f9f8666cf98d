"""The segments a sink holds: each chunk once, none after the end, handed out in canonical order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pipeline.model import ChunkId, Segment


class Segments:
    """What every sink has to refuse, in one place. A refusal is a RuntimeError: the fault is the caller's.

    open -> prepared -> shown, and from the first two to aborted.
    """

    def __init__(self) -> None:
        self._held: dict[ChunkId, Segment] = {}
        self._state = "open"

    def __repr__(self) -> str:
        return f"{self._state}, {len(self._held)} segments"

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self._held.values())

    @contextlib.contextmanager
    def adding(self, id: ChunkId, segment: Segment) -> Iterator[None]:
        """Holds the segment if the body ends well, and forgets it otherwise."""
        if self._state != "open":
            raise RuntimeError(f"chunk {id} was written to a sink that is {self._state}")
        if id in self._held:
            raise RuntimeError(f"chunk {id} was written twice")
        self._held[id] = segment  # before the first await: a second write of it fails at once
        try:
            yield
        except BaseException:
            del self._held[id]
            raise

    @contextlib.contextmanager
    def preparing(self) -> Iterator[list[Segment]]:
        """Everything written, in canonical order; from now on nothing more is taken. A body that fails leaves nothing
        to be shown."""
        if self._state != "open":
            raise RuntimeError(f"prepare of a sink that is {self._state}")
        self._state = "aborted"
        yield [self._held[id] for id in sorted(self._held)]
        self._state = "prepared"

    def show(self) -> None:
        """Once, and only what is prepared."""
        if self._state != "prepared":
            raise RuntimeError(f"show of a sink that is {self._state}")
        self._state = "shown"

    def abandon(self) -> None:
        if self._state != "shown":
            self._state = "aborted"
