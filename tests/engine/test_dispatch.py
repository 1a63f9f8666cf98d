"""Dispatch: outcomes as completed, a death forgiven twice, every parcel released."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Literal

import pytest

from pipeline import events
from pipeline.engine.channel import Channel
from pipeline.engine.dispatch import Trial, dispatch
from pipeline.engine.executors import WorkerDied
from pipeline.errors import InputRefused, WorkFailed
from pipeline.model import Outcome, Parcel, Shard, Span, Task


def task_of(number: int) -> Task:
    return Task(Shard((0,), "a.csv", "a.csv"), number, Span("a.csv", 0, 0, 0))


def outcome_of(task: Task) -> Outcome:
    return Outcome(task.id, task.shard.name, 1, 1, 1, 0, 1, 0, 0, 0.0, 0.0)


class Bench:
    """Parcels in, outcomes out, and what happened in between."""

    def __init__(
        self, killers: dict[int, int], on_poison: Literal["fail", "skip"] = "fail", before: dict[int, int] | None = None
    ) -> None:
        self.killers = killers
        """How many attempts of a chunk kill its worker."""
        self.on_poison: Literal["fail", "skip"] = on_poison
        self.before = before or {}
        """Deaths of earlier runs."""
        self.died_at: list[tuple[int, bool]] = []
        self.calls: Counter[int] = Counter()
        self.released: Counter[int] = Counter()
        self.events: list[events.Event] = []
        self.gates: dict[int, asyncio.Event] = {}

    async def run(self, task: Task) -> Outcome:
        self.calls[task.number] += 1
        if gate := self.gates.get(task.number):
            await gate.wait()
        if self.calls[task.number] <= self.killers.get(task.number, 0):
            raise WorkerDied("killed by signal 9")
        return outcome_of(task)

    def deaths(self, task: Task) -> int:
        return self.before.get(task.number, 0)

    async def died(self, task: Task, reason: str, *, poison: bool) -> None:
        assert reason in {"killed by signal 9", "MemoryError: "}
        self.died_at.append((task.number, poison))

    @property
    def trial(self) -> Trial:
        return Trial(self.run, self, self.on_poison)

    def parcel(self, number: int) -> Parcel:
        def release() -> None:
            self.released[number] += 1

        return Parcel(task_of(number), release)

    async def dispatch(
        self, count: int, feeders: int = 2, on_outcome: Callable[[int], None] | None = None
    ) -> list[int]:
        parcels: Channel[Parcel] = Channel(count)
        outcomes: Channel[Outcome] = Channel(1)
        for number in range(count):
            await parcels.send(self.parcel(number))
        await parcels.close()
        got: list[int] = []

        async def collect() -> None:
            async for outcome in outcomes:
                got.append(outcome.id.number)
                if on_outcome:
                    on_outcome(outcome.id.number)

        async with asyncio.TaskGroup() as group:
            group.create_task(collect())
            group.create_task(dispatch(parcels, outcomes, self.trial, feeders, self.events.append))
        return got


async def test_outcomes_come_as_they_complete() -> None:
    """A slow chunk does not hold up the ones behind it."""
    bench = Bench({})
    bench.gates[0] = asyncio.Event()

    def open_after_the_last(number: int) -> None:
        if number == 3:
            bench.gates[0].set()

    assert await bench.dispatch(4, on_outcome=open_after_the_last) == [1, 2, 3, 0]


@pytest.mark.parametrize(
    ("deaths", "calls"),
    [
        ({}, {0: 1, 1: 1, 2: 1}),
        ({1: 1}, {0: 1, 1: 2, 2: 1}),
        ({0: 2, 2: 1}, {0: 3, 1: 1, 2: 2}),
    ],
)
async def test_a_chunk_is_forgiven_two_deaths(deaths: dict[int, int], calls: dict[int, int]) -> None:
    """The failure table: which attempts kill the worker, and how often each chunk is run for it."""
    bench = Bench(deaths)
    assert sorted(await bench.dispatch(3)) == [0, 1, 2]
    assert bench.calls == calls
    assert bench.released == {0: 1, 1: 1, 2: 1}
    assert sum(isinstance(event, events.WorkerDied) for event in bench.events) == sum(deaths.values())


async def test_the_third_death_ends_the_run_and_names_the_chunk() -> None:
    """A chunk that keeps killing its worker is not tried for ever."""
    bench = Bench({0: 3})
    with pytest.RaisesGroup(pytest.RaisesGroup(pytest.RaisesExc(WorkFailed, match=r"a\.csv: chunk 0 .* 3 times"))):
        await bench.dispatch(1)
    assert bench.calls == {0: 3}
    assert bench.released == {0: 1}


@pytest.mark.parametrize(
    ("before", "killers", "outcomes", "calls", "died_at"),
    [
        ({}, {1: 3}, [0, 2], {0: 1, 1: 3, 2: 1}, [(1, False), (1, False), (1, True)]),
        ({1: 1}, {1: 3}, [0, 2], {0: 1, 1: 2, 2: 1}, [(1, False), (1, True)]),
        ({1: 2}, {1: 3}, [0, 2], {0: 1, 1: 1, 2: 1}, [(1, True)]),
        ({1: 2}, {}, [0, 1, 2], {0: 1, 1: 1, 2: 1}, []),
    ],
)
async def test_poison_may_be_left_out(
    before: dict[int, int],
    killers: dict[int, int],
    outcomes: list[int],
    calls: dict[int, int],
    died_at: list[tuple[int, bool]],
) -> None:
    """Under `skip` the third death, those of earlier runs counted, leaves the chunk out; every other has its outcome,
    and every death is told before the next attempt."""
    bench = Bench(killers, "skip", before)
    assert sorted(await bench.dispatch(3)) == outcomes
    assert bench.calls == calls
    assert bench.died_at == died_at
    assert bench.released == {0: 1, 1: 1, 2: 1}


async def test_an_error_of_the_work_is_not_tried_again() -> None:
    """Only a death is; a refusal is the same the second time."""
    bench = Bench({})

    async def refuse(task: Task) -> Outcome:
        bench.calls[task.number] += 1
        raise InputRefused("a.csv: line 3: bad")

    bench.run = refuse  # type: ignore[method-assign]
    with pytest.RaisesGroup(pytest.RaisesGroup(InputRefused)):
        await bench.dispatch(1)
    assert bench.calls == {0: 1}
    assert bench.released == {0: 1}


async def test_work_that_fails_is_not_tried_again() -> None:
    """An error that is none of the input's ends the run and names the chunk, or, under `skip`, leaves the chunk out."""

    async def fail(task: Task) -> Outcome:
        bench.calls[task.number] += 1
        raise WorkFailed("MemoryError: ")

    bench = Bench({})
    bench.run = fail  # type: ignore[method-assign]
    with pytest.RaisesGroup(pytest.RaisesGroup(pytest.RaisesExc(WorkFailed, match=r"a\.csv: chunk 0: MemoryError"))):
        await bench.dispatch(1)
    assert bench.calls == {0: 1}
    assert bench.died_at == []

    bench = Bench({}, "skip")
    bench.run = fail  # type: ignore[method-assign]
    assert await bench.dispatch(2) == []
    assert bench.calls == {0: 1, 1: 1}
    assert sorted(bench.died_at) == [(0, True), (1, True)]
    assert bench.released == {0: 1, 1: 1}


async def test_outcomes_that_nobody_takes_stop_the_calls() -> None:
    """Law 6: with the outcome channel full, no further chunk is given out."""
    bench = Bench({})
    parcels: Channel[Parcel] = Channel(10)
    outcomes: Channel[Outcome] = Channel(1)
    for number in range(10):
        await parcels.send(bench.parcel(number))
    await parcels.close()
    running = asyncio.create_task(dispatch(parcels, outcomes, bench.trial, 1, bench.events.append))
    for _ in range(50):
        await asyncio.sleep(0)
    assert sum(bench.calls.values()) == 2  # one in the channel, one waiting to be sent
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_cancelled_dispatch_releases_its_parcels() -> None:
    """Cancelled: what a parcel holds is given back."""
    bench = Bench({})
    bench.gates[0] = asyncio.Event()
    parcels: Channel[Parcel] = Channel(1)
    await parcels.send(bench.parcel(0))
    running = asyncio.create_task(dispatch(parcels, Channel(1), bench.trial, 2, bench.events.append))
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.released == {0: 1}
