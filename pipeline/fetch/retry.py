"""Retry: when, how long after, how often. The only place where anything is tried again because of the network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.errors import TransientError
from pipeline.events import RetryScheduled
from pipeline.protocols import Emit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter: a wait is anything between nothing and a bound that doubles, so that many transfers that failed
    together do not come back together (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015)."""

    retries: int = 8
    """Further attempts after the first."""
    first_s: float = 0.5
    cap_s: float = 60.0

    def bound_s(self, attempt: int) -> float:
        """The longest wait after failed attempt number `attempt`, from 1."""
        return min(self.cap_s, self.first_s * 2.0 ** min(attempt - 1, 60))


async def retrying(
    attempt_once: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    name: str,
    emit: Emit,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> T:
    """Calls until it answers. Only TransientError is worth another try; the last one is raised, with their number.

    Cancelled: at once, also while waiting.
    """
    attempt = 1
    while True:
        try:
            return await attempt_once()
        except TransientError as error:
            if attempt > policy.retries:
                raise TransientError(f"{error.message} ({attempt} attempts)", error.hint) from error
            wait_s = policy.bound_s(attempt) * jitter()
            emit(RetryScheduled(name, attempt, wait_s, error.message))
        await sleep(wait_s)
        attempt += 1
