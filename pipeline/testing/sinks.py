"""SinkContract: what a sink promises. Subclass, fill in what is abstract, inherit the tests.

A sink without its suite tends to pass where every write succeeds and to break where one does not: the suite stops it
at each step that changes the world, by a crash, a fault of the disk and a cancellation.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Sink
from pipeline.testing.steps import LAWS, Crash, Step, Steps, cancel, crash, fault

OLD = [100, 101]
NEW = [1, 2, 3, 4, 5]


class SinkContract(ABC):
    """What `protocols.Sink` promises, for rows of one integer. Laws 3 and 5 of the design."""

    @abstractmethod
    def sink(self, folder: Path, step: Step) -> Sink:
        """A new sink, always of the same output in `folder`, that tells `step` of each step."""

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
            await sink.commit()
        finally:
            await sink.abort()

    @LAWS
    @given(
        rows=st.lists(st.lists(st.integers(0, 99), max_size=3), max_size=7),
        chance=st.randoms(use_true_random=False),
    )
    def test_the_order_of_writes_does_not_matter(self, rows: list[list[int]], chance: random.Random) -> None:
        """Law 3: the result is in canonical order whatever completed first."""
        order = list(range(len(rows)))
        chance.shuffle(order)

        async def main(folder: Path) -> None:
            sink = self.sink(folder, Steps())
            await self.fill(folder, sink, rows, order)
            written = await sink.commit()
            flat = [row for segment in rows for row in segment]
            assert (self.seen(folder) or []) == flat
            assert written.rows == len(flat)

        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(main(Path(folder)))

    async def test_nothing_written_is_a_valid_empty_result(self, tmp_path: Path) -> None:
        """An empty result is a result: it replaces the old one."""
        await self.put(tmp_path, [OLD])
        await self.put(tmp_path, [])
        assert self.seen(tmp_path) == []

    async def test_every_moment_shows_the_old_or_the_new_result(self, tmp_path: Path) -> None:
        """Law 5: a reader between any two steps finds one whole result; before the commit the old one."""
        await self.put(tmp_path, [OLD])
        seen: list[list[int] | None] = []
        sink = self.sink(tmp_path, lambda _: seen.append(self.seen(tmp_path)))
        await self.fill(tmp_path, sink, [NEW[:2], NEW[2:]])
        assert self.seen(tmp_path) == OLD
        await sink.commit()
        assert self.seen(tmp_path) == NEW
        assert seen == sorted(seen, key=lambda rows: rows == NEW)
        assert all(rows in (OLD, NEW) for rows in seen)

    async def test_a_crash_before_any_step_is_mended_by_the_next_run(self, tmp_path: Path) -> None:
        """Law 5 under kill -9: old or new, and the next run clears what the dead one left and gets its result."""
        for number in await self._step_numbers(tmp_path):
            await self.put(tmp_path, [OLD])
            with pytest.raises(Crash):
                await self.put(tmp_path, [NEW[:2], NEW[2:]], Steps(number, crash, for_ever=True))
            assert self.seen(tmp_path) in (OLD, NEW)
            await self.put(tmp_path, [NEW])
            assert self.seen(tmp_path) == NEW
            assert self.leftovers(tmp_path) == []

    async def test_a_fault_of_the_disk_at_any_step_is_an_output_error(self, tmp_path: Path) -> None:
        """An EIO anywhere ends in an OutputError or in the right result, never in silence, never in a mixture."""
        for number in await self._step_numbers(tmp_path):
            await self.put(tmp_path, [OLD])
            steps = Steps(number, fault)
            try:
                await self.put(tmp_path, [NEW[:2], NEW[2:]], steps)
            except OutputError:
                assert self.seen(tmp_path) in (OLD, NEW)
            else:
                assert self.seen(tmp_path) == NEW
                assert steps.names[number].startswith("remove")
            await self.put(tmp_path, [OLD])
            assert self.leftovers(tmp_path) == []

    async def test_a_cancellation_at_any_step_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """Cancelled at any point: old or new, and no temporary file."""
        loop = asyncio.get_running_loop()
        for number in await self._step_numbers(tmp_path):
            await self.put(tmp_path, [OLD])
            tasks: list[asyncio.Task[None]] = []
            steps = Steps(number, lambda _, tasks=tasks: cancel(tasks[0], loop))  # type: ignore[misc]
            tasks += [asyncio.create_task(self.put(tmp_path, [NEW[:2], NEW[2:]], steps))]
            await asyncio.wait(tasks)
            assert self.seen(tmp_path) in ((OLD, NEW) if tasks[0].cancelled() else (NEW,))
            assert self.leftovers(tmp_path) == []

    async def test_an_abort_leaves_the_old_result(self, tmp_path: Path) -> None:
        """Abort undoes everything, may be called again, and does nothing after a commit."""
        await self.put(tmp_path, [OLD])
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [NEW])
        await sink.abort()
        await sink.abort()
        assert self.seen(tmp_path) == OLD
        assert self.leftovers(tmp_path) == []

    async def test_an_abort_without_open_is_harmless(self, tmp_path: Path) -> None:
        """Abort is safe at any time."""
        await self.sink(tmp_path, Steps()).abort()
        assert self.seen(tmp_path) is None

    async def test_after_the_commit_nothing_more_is_taken(self, tmp_path: Path) -> None:
        """A write or a commit that comes after the commit is refused, and changes nothing."""
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [NEW])
        await sink.commit()
        with pytest.raises(RuntimeError):
            await sink.write(ChunkId((9,), 9), self.segment(tmp_path, 9, OLD))
        with pytest.raises(RuntimeError):
            await sink.commit()
        assert self.seen(tmp_path) == NEW

    async def test_a_chunk_is_taken_once(self, tmp_path: Path) -> None:
        """Law 4: the same chunk a second time is refused, one after the other or at the same time."""
        sink = self.sink(tmp_path, Steps())
        await sink.open()
        both = (sink.write(ChunkId((0,), 0), self.segment(tmp_path, number, NEW)) for number in range(2))
        results = await asyncio.gather(*both, return_exceptions=True)
        assert [type(result) for result in results if result is not None] == [RuntimeError]
        await sink.commit()
        assert self.seen(tmp_path) == NEW

    async def test_a_write_that_failed_may_be_made_again(self, tmp_path: Path) -> None:
        """A write that failed did not happen: the chunk, done again, is taken."""
        faults = [False]

        def step(name: str) -> None:
            if faults[0]:
                fault(name)

        sink = self.sink(tmp_path, step)
        await sink.open()
        faults[0] = True
        with pytest.raises(OutputError):
            await sink.write(ChunkId((0,), 0), self.segment(tmp_path, 0, OLD))
        faults[0] = False
        await sink.write(ChunkId((0,), 0), self.segment(tmp_path, 1, NEW))
        await sink.commit()
        assert self.seen(tmp_path) == NEW

    async def test_an_unwritable_place_is_found_at_open(self, tmp_path: Path) -> None:
        """Nobody computes for an hour to learn that the result cannot be written."""
        self.make_unwritable(tmp_path)
        sink = self.sink(tmp_path, Steps())
        with pytest.raises(OutputError):
            await sink.open()
        await sink.abort()

    async def _step_numbers(self, folder: Path) -> range:
        await self.put(folder, [OLD])
        steps = Steps()
        await self.put(folder, [NEW[:2], NEW[2:]], steps)
        assert len(steps.names) > 0
        return range(len(steps.names))
