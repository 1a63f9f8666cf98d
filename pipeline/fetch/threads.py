"""Blocking calls off the loop, in threads of fetch's own: the loop's default ones would be joined at exit, however
stuck they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
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


async def in_steps(threads: Executor, steps: Iterator[T | None]) -> T | None:
    """The next of `steps` that is not None, or None where they end: one step a call in a thread, so that a cancellation
    waits for one step at most (test_a_bomb_is_inflated_in_steps)."""

    def step() -> tuple[T | None] | None:
        for found in steps:
            return (found,)
        return None

    while taken := await in_thread(threads, step):
        (found,) = taken
        if found is not None:
            return found
    return None
