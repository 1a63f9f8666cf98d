"""When a transfer is tried again, how often, and how long after."""

from __future__ import annotations

import pytest

from pipeline.errors import InputMissing, PipelineError, ServerError, TransientError
from pipeline.events import Event, RetryScheduled
from pipeline.fetch.retry import RetryPolicy, retrying

POLICY = RetryPolicy(retries=3, first_s=1.0, cap_s=3.0)


@pytest.mark.parametrize(
    ("failures", "calls", "waits"),
    [
        ([], 1, []),
        ([TransientError("reset")], 2, [0.5]),
        ([TransientError("reset")] * 3, 4, [0.5, 1.0, 1.5]),
        ([TransientError("reset")] * 9, 4, [0.5, 1.0, 1.5]),
        ([ServerError("403")], 1, []),
        ([InputMissing("404")], 1, []),
        ([TransientError("503"), ServerError("403")], 2, [0.5]),
    ],
)
async def test_failures_are_retried_as_the_table_says(
    failures: list[PipelineError], calls: int, waits: list[float]
) -> None:
    """Only transient ones, a bounded number of times, with doubling bounds up to the cap, jitter at one half here."""
    left, made, slept, events = list(failures), 0, [], list[Event]()

    async def attempt() -> str:
        nonlocal made
        made += 1
        if left:
            raise left.pop(0)
        return "body"

    async def sleep(wait_s: float) -> None:
        slept.append(wait_s)

    outcome: object
    try:
        outcome = await retrying(attempt, POLICY, "x", events.append, sleep=sleep, jitter=lambda: 0.5)
    except PipelineError as error:
        outcome = error
    assert (made, slept) == (calls, waits)
    assert [event.wait_s for event in events if isinstance(event, RetryScheduled)] == waits
    if len(failures) < calls:
        assert outcome == "body"
    else:
        assert isinstance(outcome, type(failures[calls - 1]))


async def test_the_last_failure_says_how_often_it_was_tried() -> None:
    """And stays transient, so that its class tells that another run may work."""

    async def attempt() -> None:
        raise TransientError("the server said 503")

    async def sleep(_: float) -> None:
        pass

    with pytest.raises(TransientError, match=r"the server said 503 \(4 attempts\)"):
        await retrying(attempt, POLICY, "x", lambda _: None, sleep=sleep)


def test_waits_are_capped_for_any_number_of_attempts() -> None:
    """No overflow after many."""
    assert [RetryPolicy().bound_s(attempt) for attempt in (1, 2, 3, 8, 9, 5000)] == [0.5, 1.0, 2.0, 60.0, 60.0, 60.0]
