"""The segments a sink holds: each chunk once, none after the end, handed out in canonical order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pipeline.model import ChunkId, Segment


class Segments:
    """What every sink has to refuse, in one place. A refusal is a RuntimeError: the fault is the caller's."""

    def __init__(self) -> None:
        self._held: dict[ChunkId, Segment] = {}
        self._state = "open"

    def __repr__(self) -> str:
        return f"{self._state}, {len(self._held)} segments"

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

    def close(self) -> list[Segment]:
        """Everything written, in canonical order; from now on nothing more is taken."""
        if self._state != "open":
            raise RuntimeError(f"commit of a sink that is {self._state}")
        self._state = "committed"
        return [self._held[id] for id in sorted(self._held)]

    def abandon(self) -> None:
        if self._state == "open":
            self._state = "aborted"
