"""The budget never gives out more than it has, and starves nobody."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.memory import MemoryBudget


async def test_a_request_waits_until_the_bytes_are_there() -> None:
    """Law 6: bytes held never exceed the budget."""
    budget = MemoryBudget(10)
    await budget.acquire(8)
    waiting = asyncio.create_task(budget.acquire(3))
    await asyncio.sleep(0)
    assert repr(budget) == "<MemoryBudget [8/10 held | 1 waiting]>"
    budget.release(8)
    await waiting
    assert budget.held_bytes == 3


async def test_a_small_request_does_not_overtake_a_large_one() -> None:
    """First come, first served: otherwise a large chunk could wait for ever."""
    budget = MemoryBudget(10)
    await budget.acquire(5)
    order: list[str] = []

    async def want(name: str, nbytes: int) -> None:
        await budget.acquire(nbytes)
        order.append(name)

    large = asyncio.create_task(want("large", 10))
    await asyncio.sleep(0)
    small = asyncio.create_task(want("small", 1))
    await asyncio.sleep(0)
    assert order == []
    budget.release(5)
    await large
    assert order == ["large"]
    budget.release(10)
    await small


async def test_a_cancelled_request_holds_nothing_and_lets_the_next_pass() -> None:
    """Cancelled: nothing is held, and who stood behind moves up."""
    budget = MemoryBudget(10)
    await budget.acquire(5)
    large = asyncio.create_task(budget.acquire(10))
    await asyncio.sleep(0)
    small = asyncio.create_task(budget.acquire(5))
    await asyncio.sleep(0)
    large.cancel()
    await small
    assert budget.held_bytes == 10


async def test_a_grant_that_meets_a_cancellation_is_returned() -> None:
    """Granted and cancelled in the same tick: the bytes go back."""
    budget = MemoryBudget(10)
    await budget.acquire(10)
    waiting = asyncio.create_task(budget.acquire(4))
    await asyncio.sleep(0)
    budget.release(10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.held_bytes == 0


async def test_more_than_the_whole_budget_is_refused() -> None:
    """A request that can never be met fails at once instead of waiting for ever."""
    with pytest.raises(ValueError, match="11 bytes wanted of a budget of 10"):
        await MemoryBudget(10).acquire(11)


async def test_nothing_is_granted_to_who_was_cancelled_in_this_tick() -> None:
    """A release before the cancelled one has run: it goes on to the next in line, and nothing is held for nobody."""
    budget = MemoryBudget(1)
    await budget.acquire(1)
    first, second = (asyncio.create_task(budget.acquire(1)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    budget.release(1)
    await asyncio.wait([first, second])
    assert (first.cancelled(), second.cancelled(), budget.held_bytes) == (True, False, 1)
    budget.release(1)
    assert budget.held_bytes == 0


async def test_giving_back_what_was_not_taken_is_refused() -> None:
    """A double release is a fault of the caller, not more budget."""
    with pytest.raises(ValueError, match="1 bytes given back, 0 held"):
        MemoryBudget(10).release(1)


@given(st.lists(st.integers(1, 10), max_size=30))
def test_any_order_of_requests_and_releases_stays_within_the_budget(sizes: list[int]) -> None:
    """Law 6 for any sequence: never over, everybody served, everything back."""

    async def scenario() -> None:
        budget = MemoryBudget(10)
        served = 0

        async def use(nbytes: int) -> None:
            nonlocal served
            await budget.acquire(nbytes)
            assert budget.held_bytes <= 10
            for _ in range(nbytes % 3):
                await asyncio.sleep(0)
            served += 1
            budget.release(nbytes)

        await asyncio.gather(*(use(size) for size in sizes))
        assert served == len(sizes)
        assert budget.held_bytes == 0
        assert budget.peak_bytes <= 10

    asyncio.run(scenario())
