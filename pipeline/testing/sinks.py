"""SinkContract: what a sink promises that is all or nothing. Subclass, fill in what is abstract, inherit the tests.

A sink without its suite tends to pass where every write succeeds and to break where one does not: the suite stops it
at each step that changes the world, by a crash, a fault of the disk and a cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Busy, OutputError
from pipeline.model import ChunkId
from pipeline.testing.steps import LAWS, Crash, Step, Steps, cancel, crash, fault
from pipeline.testing.stream_sinks import NEW, OLD, StreamContract, commit


class SinkContract(StreamContract):
    """What a sink promises that is all or nothing: laws 3 and 5 of the design."""

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
            (written,) = await commit(sink)
            flat = [row for segment in rows for row in segment]
            assert (self.seen(folder) or []) == flat
            assert written.rows == len(flat)

        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(main(Path(folder)))

    async def test_an_empty_result_replaces_the_old_one(self, tmp_path: Path) -> None:
        """An empty result is a result."""
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
        await commit(sink)
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

    async def test_a_fault_before_all_are_prepared_changes_no_output(self, tmp_path: Path) -> None:
        """Law 5 over two sinks: a disk that is full under either, at any step, leaves both as they were."""
        folders = [tmp_path / "a", tmp_path / "b"]
        for folder in folders:
            folder.mkdir()

        async def both(step: Step) -> None:
            sinks = [self.sink(folder, step) for folder in folders]
            try:
                for folder, sink in zip(folders, sinks, strict=True):
                    await self.fill(folder, sink, [NEW[:2], NEW[2:]])
                for sink in sinks:
                    await sink.prepare()
                    assert [self.seen(folder) for folder in folders] == [OLD, OLD]
            finally:
                for sink in sinks:
                    await sink.abort()

        await asyncio.gather(*(self.put(folder, [OLD]) for folder in folders))
        steps = Steps()
        await both(steps)
        for number, name in enumerate(steps.names):
            with contextlib.suppress(OutputError) if name.startswith("remove") else pytest.raises(OutputError):
                await both(Steps(number, fault))
            assert [self.seen(folder) for folder in folders] == [OLD, OLD]
        for folder in folders:
            await self.put(folder, [NEW])
            assert self.leftovers(folder) == []

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

    async def test_an_output_is_written_by_one_run_at_a_time(self, tmp_path: Path) -> None:
        """A second run is told to come back; it disturbs nothing, and may write when the first has shown or aborted."""
        await self.put(tmp_path, [OLD])
        first = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, first, [NEW])
        await first.prepare()
        with pytest.raises(Busy):
            await self.put(tmp_path, [[7]])
        assert self.seen(tmp_path) == OLD
        await first.show()
        assert self.seen(tmp_path) == NEW
        await self.put(tmp_path, [[8]])
        assert self.seen(tmp_path) == [8]

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
        await commit(sink)
        assert self.seen(tmp_path) == NEW

    async def _step_numbers(self, folder: Path) -> range:
        await self.put(folder, [OLD])
        steps = Steps()
        await self.put(folder, [NEW[:2], NEW[2:]], steps)
        assert len(steps.names) > 0
        return range(len(steps.names))
