"""StreamContract: what any sink promises, one that streams too. Subclass, fill in what is abstract, inherit the tests.

A sink that streams (standard output) may not promise that what a reader sees is whole, in canonical order, or as it was
before when the run fails, nor that a write that failed can be made again: that is SinkContract, in `sinks`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Sink, Written
from pipeline.testing.steps import Step, Steps

OLD = [100, 101]
NEW = [1, 2, 3, 4, 5]


async def commit(*sinks: Sink) -> list[Written]:
    """The two phases of a run's end."""
    for sink in sinks:
        await sink.prepare()
    return [await sink.show() for sink in sinks]


class StreamContract(ABC):
    """What every sink promises, for rows of one integer."""

    @abstractmethod
    def sink(self, folder: Path, step: Step) -> Sink:
        """The sink of a new run, always of the same output in `folder`, that tells `step` of each step."""

    @abstractmethod
    def segment(self, folder: Path, number: int, rows: Sequence[int]) -> Segment:
        """A segment as a worker would write it, below `folder`."""

    @abstractmethod
    def seen(self, folder: Path) -> list[int] | None:
        """The rows that a reader of the output finds now; None: no output yet."""

    @abstractmethod
    def leftovers(self, folder: Path) -> list[str]:
        """What lies about that is neither output nor segment."""

    @abstractmethod
    def make_unwritable(self, folder: Path) -> None:
        """Brings about that the output cannot be written, for any user."""

    async def fill(self, folder: Path, sink: Sink, rows: Sequence[Sequence[int]], order: Sequence[int] = ()) -> None:
        await sink.open()
        for number in order or range(len(rows)):
            await sink.write(ChunkId((number // 2,), number % 2), self.segment(folder, number, rows[number]))

    async def put(self, folder: Path, rows: Sequence[Sequence[int]], step: Step | None = None) -> None:
        sink = self.sink(folder, step or Steps())
        try:
            await self.fill(folder, sink, rows)
            await commit(sink)
        finally:
            await sink.abort()

    async def test_every_row_is_there_once(self, tmp_path: Path) -> None:
        """Law 4: what was written in any order is shown, each row once, and counted."""
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [NEW[:2], [], NEW[2:]], [2, 0, 1])
        (written,) = await commit(sink)
        assert sorted(self.seen(tmp_path) or []) == NEW
        assert written.rows == len(NEW)
        assert self.leftovers(tmp_path) == []

    async def test_nothing_written_is_a_valid_empty_result(self, tmp_path: Path) -> None:
        """An empty result is a result."""
        await self.put(tmp_path, [])
        assert self.seen(tmp_path) == []

    async def test_an_abort_without_open_is_harmless(self, tmp_path: Path) -> None:
        """Abort is safe at any time."""
        await self.sink(tmp_path, Steps()).abort()
        assert not self.seen(tmp_path)

    async def test_each_phase_comes_once_and_in_its_turn(self, tmp_path: Path) -> None:
        """write, prepare, show: whatever comes late, early or twice is refused, and changes nothing."""
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [NEW])
        with pytest.raises(RuntimeError):
            await sink.show()
        await sink.prepare()
        with pytest.raises(RuntimeError):
            await sink.prepare()
        with pytest.raises(RuntimeError):
            await sink.write(ChunkId((9,), 9), self.segment(tmp_path, 9, OLD))
        await sink.show()
        with pytest.raises(RuntimeError):
            await sink.show()
        with pytest.raises(RuntimeError):
            await sink.write(ChunkId((9,), 9), self.segment(tmp_path, 9, OLD))
        assert self.seen(tmp_path) == NEW

    async def test_what_was_aborted_is_not_shown(self, tmp_path: Path) -> None:
        """An abort between the phases is the last word."""
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [])
        await sink.prepare()
        await sink.abort()
        with pytest.raises(RuntimeError):
            await sink.show()
        assert not self.seen(tmp_path)
        assert self.leftovers(tmp_path) == []

    async def test_a_chunk_is_taken_once(self, tmp_path: Path) -> None:
        """Law 4: the same chunk a second time is refused, one after the other or at the same time."""
        sink = self.sink(tmp_path, Steps())
        await sink.open()
        both = (sink.write(ChunkId((0,), 0), self.segment(tmp_path, number, NEW)) for number in range(2))
        results = await asyncio.gather(*both, return_exceptions=True)
        assert [type(result) for result in results if result is not None] == [RuntimeError]
        await commit(sink)
        assert self.seen(tmp_path) == NEW

    async def test_a_segment_that_is_durable_already_may_be_written(self, tmp_path: Path) -> None:
        """A run that was resumed hands its new sink what the old one had made durable: each row still once."""
        (tmp_path / "dead").mkdir()
        dead = self.sink(tmp_path / "dead", Steps())
        segment = self.segment(tmp_path, 0, NEW)
        await dead.open()
        await dead.write(ChunkId((0,), 0), segment)
        await dead.abort()
        sink = self.sink(tmp_path, Steps())
        await sink.open()
        await sink.write(ChunkId((0,), 0), segment)
        await commit(sink)
        assert self.seen(tmp_path) == NEW

    async def test_an_unwritable_place_is_found_at_open(self, tmp_path: Path) -> None:
        """Nobody computes for an hour to learn that the result cannot be written."""
        self.make_unwritable(tmp_path)
        sink = self.sink(tmp_path, Steps())
        with pytest.raises(OutputError):
            await sink.open()
        await sink.abort()
