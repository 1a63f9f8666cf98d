"""Blocking calls off the loop, in threads of fetch's own: the loop's default ones would be joined at exit, however
stuck they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(threads: Executor, call: Callable[..., T], *args: object) -> T:
    """The result of a call in a thread. Cancelled: waits until the call has ended, so that what it works on can be
    closed, then raises; its result is lost, so it must not own anything."""
    future = asyncio.get_running_loop().run_in_executor(threads, call, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # seen: the cancellation is what counts
        raise
