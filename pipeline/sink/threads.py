"""The threads of a sink: its own, so that a stalled disk cannot starve the loop's default executor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 4
"""fsyncs at once: the file system answers several with one commit of its journal (0.4 ms each instead of 1.4)."""


class Threads:
    """Runs blocking calls beside the loop."""

    def __init__(self, name: str, count: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, call: Callable[[], T]) -> T:
        """Cancelled: a call that has begun runs on, and nobody learns how it ended."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def run_through(self, call: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
        """Cancelled: calls `stop`, waits until the call has ended, since its work cannot be half undone, and passes
        the cancellation on."""
        work = asyncio.get_running_loop().run_in_executor(self._pool, call)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # looked at: the cancellation says enough
            raise

    def end(self) -> None:
        """Takes no more; does not wait for what has begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
