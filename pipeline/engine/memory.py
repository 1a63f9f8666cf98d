"""The budget of bytes in flight (law 6), and how many a chunk is counted for."""

from __future__ import annotations

import asyncio
from collections import deque


class MemoryBudget:
    """A semaphore that counts bytes, strictly first come, first served: a large request is never starved by small
    ones behind it."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.peak_bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"<MemoryBudget [{self.held_bytes}/{self.limit_bytes} held | {len(self._waiting)} waiting]>"

    async def acquire(self, nbytes: int) -> None:
        """Waits until `nbytes` are free. Raises ValueError for more than the whole budget, which would wait for ever.
        Cancelled: nothing is held."""
        if nbytes > self.limit_bytes:
            raise ValueError(f"{nbytes} bytes wanted of a budget of {self.limit_bytes}")
        if not self._waiting and self.held_bytes + nbytes <= self.limit_bytes:
            self._hold(nbytes)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((nbytes, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(nbytes)  # granted in the same tick: test_a_grant_that_meets_a_cancellation_is_returned
            else:
                if (nbytes, turn) in self._waiting:
                    self._waiting.remove((nbytes, turn))
                self._grant()
            raise

    def release(self, nbytes: int) -> None:
        """Gives `nbytes` back and lets the next in line have them."""
        if nbytes > self.held_bytes:
            raise ValueError(f"{nbytes} bytes given back, {self.held_bytes} held")
        self.held_bytes -= nbytes
        self._grant()

    def _hold(self, nbytes: int) -> None:
        self.held_bytes += nbytes
        self.peak_bytes = max(self.peak_bytes, self.held_bytes)

    def _grant(self) -> None:
        while self._waiting:
            nbytes, turn = self._waiting[0]
            if turn.cancelled():  # nobody has told it yet: test_nothing_is_granted_to_who_was_cancelled_in_this_tick
                self._waiting.popleft()
            elif self.held_bytes + nbytes <= self.limit_bytes:
                self._waiting.popleft()
                self._hold(nbytes)
                turn.set_result(None)
            else:
                return
