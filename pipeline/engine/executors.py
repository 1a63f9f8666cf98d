"""The worker processes: one standard single-worker ProcessPoolExecutor a slot, reached by `run_in_executor`.

One slot, one worker: a death names what it was doing, costs one respawn and leaves the other slots alone. Workers
come from a forkserver that has imported what they need, so a fresh one is there in tens of milliseconds and never
holds a copy of the parent's locks, threads or descriptors (python/cpython#84559; the dataframe library must not be
forked after use).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from pipeline.engine.forkserver import start_forkserver

P = ParamSpec("P")
R = TypeVar("R")


class WorkerDied(Exception):
    """The worker ended in the middle of a call: killed, crashed, or out of memory."""


def _initialise() -> None:
    """Runs first in every worker."""
    # Ctrl-C reaches the whole foreground group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    # A pool's workers outlive a SIGKILL of their parent (python/cpython#111873):
    # test_a_killed_parent_leaves_no_worker.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(70)


def _ready() -> None:
    """Does nothing: its return says that the worker is there."""


class Slot:
    """A worker that is replaced when it dies."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None

    def _pool(self) -> ProcessPoolExecutor:
        if self._executor is None:
            context = multiprocessing.get_context("forkserver")
            self._executor = ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_initialise)
        return self._executor

    async def start(self) -> None:
        """Brings the worker up without holding the loop: forking waits for the forkserver's imports."""
        pool = self._pool()
        future = await asyncio.to_thread(pool.submit, _ready)
        await asyncio.wrap_future(future)

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function in the worker. Raises WorkerDied; the next call gets a fresh worker.

        Cancelled: the worker is killed, since a call that has begun cannot be called back.
        """
        future = self._submit(functools.partial(function, *args, **kwargs))
        worker = self._worker()
        try:
            # A pool future that is cancelled while its worker dies can kill the pool's own thread (InvalidStateError).
            return await asyncio.shield(future)
        except BrokenProcessPool:
            reason = await asyncio.to_thread(_reason, worker)
            self.kill()
            raise WorkerDied(reason) from None
        except asyncio.CancelledError:
            self.kill()
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody else will look
            raise

    def _submit(self, call: Callable[[], R]) -> asyncio.Future[R]:
        loop = asyncio.get_running_loop()
        try:
            return loop.run_in_executor(self._pool(), call)
        except BrokenProcessPool:  # the worker died while it was idle: no call is to blame
            self.kill()
            return loop.run_in_executor(self._pool(), call)

    def _worker(self) -> BaseProcess | None:
        # The only reader of the pool's private table, which Python 3.14 still lacks a public form of:
        # test_a_dead_worker_is_named_by_its_signal fails where it changes.
        processes: dict[int, BaseProcess] = getattr(self._executor, "_processes", None) or {}
        return next(iter(processes.values()), None)

    def kill(self) -> None:
        """Ends the worker at once. The next call starts a fresh one."""
        worker = self._worker()
        if worker is not None and worker.is_alive():
            with contextlib.suppress(OSError, ValueError):
                worker.kill()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=False)
            self._executor = None

    def close(self) -> None:
        """Lets an idle worker go and waits for it. Blocks: for a thread."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)
            self._executor = None


def _reason(worker: BaseProcess | None) -> str:
    if worker is None:
        return "ended before it began"
    worker.join(5)
    code = worker.exitcode
    if code is None or code >= 0:
        return f"exited with code {code}"
    name = f" ({signal.Signals(-code).name})" if -code in set(signal.Signals) else ""
    return f"killed by signal {-code}{name}" + (": out of memory?" if -code == signal.SIGKILL else "")


class Workers:
    """`count` slots, given to callers first come, first served.

    They are started by `start` or the first call: a run that finds nothing to do has none. Leaving the `async with`
    ends every one, by force if the body failed or was cancelled.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._slots = [Slot() for _ in range(count)]
        self._free: asyncio.Queue[Slot] = asyncio.Queue()
        self._starting: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        start_forkserver()
        return self

    async def _start(self, slot: Slot) -> None:
        try:
            await slot.start()
        except (BrokenProcessPool, OSError, EOFError):
            slot.kill()  # a worker that cannot start says so at its first call
        finally:
            self._free.put_nowait(slot)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        if kind is not None:
            for slot in self._slots:
                slot.kill()
        else:
            await asyncio.gather(*(asyncio.to_thread(slot.close) for slot in self._slots))

    def start(self) -> None:
        """Brings the workers up in the background. The first call does it as well. May be called again."""
        if not self._starting:
            self._starting = [asyncio.create_task(self._start(slot)) for slot in self._slots]

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function in the next free worker. Raises WorkerDied. Cancelled: kills that worker."""
        return await self.run_within(None, function, *args, **kwargs)

    async def run_within(
        self, timeout_s: float | None, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same; a call that takes longer than `timeout_s` has its worker killed, and raises WorkerDied. Waiting for
        a worker does not count."""
        self.start()
        slot = await self._free.get()
        try:
            async with asyncio.timeout(timeout_s):
                return await slot.call(function, *args, **kwargs)
        except TimeoutError:
            raise WorkerDied(f"killed after {timeout_s:g} s, which run.chunk_timeout allows") from None
        finally:
            self._free.put_nowait(slot)
