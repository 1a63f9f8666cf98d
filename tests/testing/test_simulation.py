"""The stages under hundreds of seeds, and the guards without which they do not come through."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import pytest

from pipeline.engine import flow
from pipeline.engine.channel import Channel
from pipeline.engine.dispatch import Trial
from pipeline.engine.memory import MemoryBudget
from pipeline.engine.recorder import Recorder
from pipeline.model import Outcome, Parcel, Task
from pipeline.protocols import Emit, Sink
from pipeline.testing.simulation import simulate
from pipeline.testing.virtual_loop import Stuck, VirtualLoop

SEED = 7


def test_every_task_comes_to_its_end_whatever_befalls() -> None:
    """Deaths, poison, errors of every part, signals and cancellations: see `pipeline.testing.simulation`."""
    found = simulate(SEED, 200)
    assert found.runs > 200
    assert found.broken == []


def test_a_seed_does_the_same_again() -> None:
    """What failed can be looked at."""
    assert simulate(SEED, 20).document() == simulate(SEED, 20).document()


class HoldsOn(MemoryBudget):
    """Does not look whether the next in line was cancelled."""

    def _grant(self) -> None:
        while self._waiting and self.held_bytes + self._waiting[0][0] <= self.limit_bytes:
            nbytes, turn = self._waiting.popleft()
            self._hold(nbytes)
            turn.set_result(None)


class Unsynced(Recorder):
    """Leaves the files to the system."""

    def _made_durable(self, outcome: Outcome) -> Outcome:
        return outcome


class Nameless(Recorder):
    """Leaves the folder to the system."""

    def _write(self, batch: list[object]) -> None:  # type: ignore[override]
        self._journal.apply(batch)  # type: ignore[arg-type]


class Forgetful(Recorder):
    """Counts a death, and does not write it down."""

    async def died(self, task: Task, reason: str, *, poison: bool) -> None:
        self._entry(task.shard.order)[0].deaths["", task.number] = self.deaths(task) + 1


class Unheeding(Recorder):
    """Sends again what is done."""

    def begin(self, shard):  # type: ignore[no-untyped-def]
        entry, _ = self._entry(shard.order)
        entry.settled = frozenset()
        return super().begin(shard)


async def journal_first(
    outcomes: Channel[Outcome], sinks: Sequence[Sink], record: Callable[[Outcome], Awaitable[None]], emit: Emit
) -> None:
    """A store with its two steps the wrong way round."""
    async for outcome in outcomes:
        await record(outcome)
        for rows in outcome.slices:
            for sink, segment in zip(sinks, rows.segments, strict=True):
                await sink.write(outcome.id, segment)


async def keeps_parcels(
    parcels: Channel[Parcel], outcomes: Channel[Outcome], trial: Trial, feeders: int, emit: Emit
) -> None:
    """A dispatch that lets go of a parcel only when all is well."""
    async for parcel in parcels:
        outcome = await trial.run(parcel.task)
        parcel.release()
        if outcome is not None:
            await outcomes.send(outcome)
    await outcomes.close()


async def drops_parcels(asked: asyncio.Event, fetching: asyncio.Task[None], parcels: Channel[Parcel]) -> None:
    """Forgets that parcels hold something."""
    await asked.wait()
    fetching.cancel()
    await asyncio.wait([fetching])
    parcels.drain()
    await parcels.close()


@pytest.mark.parametrize(
    ("name", "mutant", "says"),
    [
        ("Recorder", Unsynced, "before its files were durable"),
        ("Recorder", Nameless, "before its files were durable"),
        ("Recorder", Forgetful, "lost"),
        ("Recorder", Unheeding, "journaled twice"),
        ("store", journal_first, "before every sink had it"),
        ("dispatch", keeps_parcels, "released so often"),
        ("_stop_when", drops_parcels, "released so often"),
    ],
)
def test_without_a_guard_the_simulation_finds_it(
    monkeypatch: pytest.MonkeyPatch, name: str, mutant: object, says: str
) -> None:
    """The mutation twins: the part is replaced where the run takes it from."""
    monkeypatch.setattr(flow, name, mutant)
    assert any(says in problem for problem in simulate(SEED, 150).broken)


def test_a_budget_that_grants_to_the_cancelled_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a fault of ours, which a signal in the wrong tick brought out."""
    monkeypatch.setattr("pipeline.testing.simulation.MemoryBudget", HoldsOn)
    assert any("InvalidStateError" in problem for problem in simulate(SEED, 150).broken)


def test_a_deadlock_is_found_at_once() -> None:
    """Nobody waits for a test that waits for ever."""
    loop = VirtualLoop(random.Random(1))
    channel: Channel[int] = Channel(1)
    with pytest.raises(Stuck):
        loop.run_until_complete(channel.receive())
    asyncio.set_event_loop(None)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_virtual_hour_takes_no_time() -> None:
    """And threads of one executor come one after the other."""
    loop = VirtualLoop(random.Random(1))
    order: deque[int] = deque()

    async def main() -> None:
        calls = [loop.run_in_executor(None, order.append, number) for number in range(5)]
        await asyncio.sleep(3600)
        await asyncio.gather(*calls)

    since = time.monotonic()
    loop.run_until_complete(main())
    loop.close()
    assert list(order) == [0, 1, 2, 3, 4]
    assert loop.time() >= 3600 > time.monotonic() - since
