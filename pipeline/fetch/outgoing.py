"""Sends parcels: each holds its bytes of the budget, and its memory file, until its outcome is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Self

from pipeline.events import FetchWaited
from pipeline.model import Framing, Parcel, RowGroups, Task
from pipeline.protocols import Budget, Emit, Outlet

HOLD_FACTOR: Final = 4
"""What a chunk costs at its dearest, in chunks: its bytes in a memory file, once more in the worker, and about twice
that as columns and what the reduction makes of them."""

SMALLEST_HOLD: Final = 1 << 16
"""What a task costs beside its bytes."""

WAITED_S: Final = 0.001
"""Shorter waits are the loop's own."""


def hold_bytes(framing: Framing, chunk_bytes: int) -> int:
    """The most that a task may hold: the larger of a chunk and a record, `HOLD_FACTOR` times, which a config's memory
    fits. A chunk whose last record is as long as it may be is larger, but at most twice that, and is held twice."""
    longest = chunk_bytes if isinstance(framing, RowGroups) else max(chunk_bytes, framing.max_record_bytes)
    return HOLD_FACTOR * longest


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Gives back what no other owner has."""
        self.release()

    def handed_over(self) -> Hold:
        """The same bytes for another owner: this one holds nothing any more."""
        other = Hold(self._budget, self.nbytes)
        self.nbytes = 0
        return other


class Outgoing:
    """The way from fetch to the workers.

    No deadlock, by one rule: who waits for bytes, or for a connection, holds no bytes. Then bytes are held only by
    parcels, which the workers take whatever fetch does, and by streams that read, each from a connection of its own,
    which gives bytes or times out. Both end, so whoever waits for bytes gets them, first come, first served; then
    every stream ends, and its connection goes to whoever waits for one. A stream may wait for bytes with its connection
    open (it must, between two chunks): nobody who holds bytes waits for a connection. Connections have limits of
    their own, and a redirect may lead to any host, so the limits cannot be counted here instead
    (test_streams_that_wait_for_a_connection_hold_no_bytes).
    """

    def __init__(self, budget: Budget, out: Outlet[Parcel], emit: Emit) -> None:
        self._budget = budget
        self._out = out
        self._emit = emit
        self.sent = 0
        """Tasks that are on their way, or were about to be."""

    async def hold(self, nbytes: int) -> Hold:
        """Waits for bytes of the budget, before they are read and after what they are read from is open. Hold nothing
        while you wait. Cancelled: nothing is held."""
        since = time.monotonic()
        await self._budget.acquire(nbytes)
        self._waited(since)
        return Hold(self._budget, nbytes)

    def for_shard(self) -> Outgoing:
        """The same way, which counts what one shard sends."""
        return Outgoing(self._budget, self._out, self._emit)

    async def send(self, task: Task, hold: Hold, let_go: Callable[[], None]) -> None:
        """Hands the task over with its hold; `let_go` is called once when nobody reads its bytes any more.

        Cancelled, or failed: everything is given back here."""

        def release() -> None:
            let_go()
            hold.release()

        since = time.monotonic()
        try:
            self.sent += 1
            await self._out.send(Parcel(task, release))
        except BaseException:
            release()
            raise
        self._waited(since)

    def _waited(self, since: float) -> None:
        if (waited_s := time.monotonic() - since) > WAITED_S:
            self._emit(FetchWaited(waited_s))
