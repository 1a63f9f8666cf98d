"""An event loop whose clock is virtual and whose threads are steps of it: a seed decides all that happens, and when.

Time passes only while every task waits, and then at once. What would run in a thread runs on the loop, somewhat later
than it was asked for. A loop on which nothing can happen any more raises `Stuck`: that is a deadlock.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any


class Stuck(Exception):
    """Every task waits for another."""


class _Clock(selectors.SelectSelector):
    """Looks at no descriptor."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Delays come from `chance`, as do those of the fakes that run on it."""

    def __init__(self, chance: random.Random) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)
        self.chance = chance
        self._free: dict[Executor | None, float] = {}

    def time(self) -> float:
        return self._clock.now

    def delay(self) -> float:
        """None at all, as often as not: what comes together meets."""
        return self.chance.choice((0.0, 0.0, 0.001, self.chance.random()))

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """One call after the other, in each executor. Cancelled before it has begun: it never does; later: it goes on,
        and nobody is told."""
        future: asyncio.Future[Any] = self.create_future()
        # Never two at the same time: timers of one moment come in any order.
        start = self._free[executor] = max(self.time(), self._free.get(executor, 0.0)) + self.delay() + 1e-6

        def begin() -> None:
            if future.cancelled():
                return
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - a thread hands every one on
                self.call_later(self.delay(), end, error, None)
            else:
                self.call_later(self.delay(), end, None, result)

        def end(error: Exception | None, result: object) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.call_at(start, begin)
        return future
