"""Sends parcels: each holds its bytes of the budget, and its memory file, until its outcome is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pipeline.events import FetchWaited
from pipeline.model import Framing, Lines, Parcel, Task, Whole
from pipeline.protocols import Budget, Emit, Outlet

HOLD_FACTOR: Final = 4
"""What a chunk costs at its dearest, in chunks: its bytes in a memory file, once more in the worker, and about twice
that as columns and what the reduction makes of them."""

SMALLEST_HOLD: Final = 1 << 16
"""What a task costs beside its bytes."""

WAITED_S: Final = 0.001
"""Shorter waits are the loop's own."""


def hold_bytes(framing: Framing, chunk_bytes: int) -> int:
    """The most that a task may hold. Never more than a budget that fits a chunk `HOLD_FACTOR` times and a record."""
    if isinstance(framing, Whole):
        return max(framing.max_record_bytes, HOLD_FACTOR * min(framing.max_record_bytes, chunk_bytes))
    longest = framing.max_record_bytes if isinstance(framing, Lines) else 0
    return max(HOLD_FACTOR * chunk_bytes, longest)


class Hold:
    """Bytes of the budget, to be given back once."""

    def __init__(self, budget: Budget, nbytes: int) -> None:
        self._budget = budget
        self.nbytes = nbytes

    def shrink(self, nbytes: int) -> None:
        """Gives back what is more than `nbytes`."""
        surplus = self.nbytes - nbytes
        if surplus > 0:
            self.nbytes = nbytes
            self._budget.release(surplus)

    def release(self) -> None:
        """Gives all of it back. May be called again."""
        self.shrink(0)

    def handed_over(self) -> Hold:
        """The same bytes for another owner: this one holds nothing any more."""
        other = Hold(self._budget, self.nbytes)
        self.nbytes = 0
        return other


class Outgoing:
    """The way from fetch to the workers."""

    def __init__(self, budget: Budget, out: Outlet[Parcel], emit: Emit) -> None:
        self._budget = budget
        self._out = out
        self._emit = emit

    async def hold(self, nbytes: int) -> Hold:
        """Waits for bytes of the budget, before they are read. Hold nothing while you wait: that is what makes it
        free of deadlock. Cancelled: nothing is held."""
        since = time.monotonic()
        await self._budget.acquire(nbytes)
        self._waited(since)
        return Hold(self._budget, nbytes)

    async def send(self, task: Task, hold: Hold, let_go: Callable[[], None]) -> None:
        """Hands the task over with its hold; `let_go` is called once when nobody reads its bytes any more.

        Cancelled, or failed: everything is given back here."""

        def release() -> None:
            let_go()
            hold.release()

        since = time.monotonic()
        try:
            await self._out.send(Parcel(task, release))
        except BaseException:
            release()
            raise
        self._waited(since)

    def _waited(self, since: float) -> None:
        if (waited_s := time.monotonic() - since) > WAITED_S:
            self._emit(FetchWaited(waited_s))
