"""Workers are real: a slot survives whatever its worker does, and nothing survives its parent."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from pipeline.engine.calls import Calls
from pipeline.engine.executors import Slot, WorkerDied, Workers
from pipeline.errors import WorkFailed
from pipeline.worker.remote import call


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[Workers]:
    """One worker for the whole module: starting it is the dear part."""
    async with Workers(1) as workers:
        yield workers


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_call_runs_in_another_process(workers: Workers) -> None:
    """The result comes back from a worker, not from the parent."""
    assert await workers.run(call, "os:getpid") != os.getpid()


@pytest.mark.parametrize(
    ("target", "args", "reason"),
    [
        ("os:_exit", (3,), "exited with code 3"),
        ("os:abort", (), r"killed by signal 6 \(SIGABRT\)"),
        ("signal:raise_signal", (signal.SIGKILL,), r"killed by signal 9 \(SIGKILL\): out of memory\?"),
        ("signal:raise_signal", (signal.SIGSEGV,), r"killed by signal 11 \(SIGSEGV\)"),
    ],
)
async def test_a_dead_worker_is_named_by_its_signal(
    workers: Workers, target: str, args: tuple[object, ...], reason: str
) -> None:
    """A death says how, and the slot serves the next call with a fresh worker."""
    with pytest.raises(WorkerDied, match=reason):
        await workers.run(call, target, *args)
    assert await workers.run(call, "os:getpid") != os.getpid()


async def test_a_worker_that_died_idle_is_replaced_without_blame(workers: Workers) -> None:
    """Between two calls a worker may be killed; the next call does not fail for it."""
    pid = await workers.run(call, "os:getpid")
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    slot = workers._slots[0]
    await asyncio.to_thread(_wait_until, lambda: slot._executor is None or bool(slot._executor._broken))
    assert await workers.run(call, "os:getpid") != pid


async def test_a_cancelled_call_kills_its_worker(workers: Workers) -> None:
    """A call that has begun cannot be called back: cancelling ends the worker, and the slot goes on."""
    pid = await workers.run(call, "os:getpid")
    endless = asyncio.create_task(workers.run(call, "time:sleep", 1000))
    await asyncio.sleep(0)
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
    assert await workers.run(call, "os:getpid") != pid


async def test_ctrl_c_is_the_parents_business(workers: Workers) -> None:
    """SIGINT reaches the whole terminal group; a worker ignores it."""
    assert await workers.run(call, "signal:raise_signal", signal.SIGINT) is None


async def test_a_worker_that_cannot_start_is_no_hang() -> None:
    """Its slot is there all the same, and the first call tries again."""

    class Broken(Slot):
        async def start(self) -> None:
            raise OSError(11, "no more processes")

    workers = Workers(1)
    workers._slots = [Broken()]
    async with workers:
        assert await workers.run(call, "os:getpid") != os.getpid()


async def test_deaths_beside_the_tasks_end_the_run_with_their_own_limit() -> None:
    """A call that belongs to no chunk is tried again, and then says what happened: exit code 70."""
    async with Workers(1) as workers:
        with pytest.raises(WorkFailed, match=r"raise_signal ended its worker 3 times: killed by signal 9"):
            await Calls(workers)._call("signal:raise_signal", signal.SIGKILL)


async def test_workers_compute_on_one_thread_each(workers: Workers) -> None:
    """Parallelism is across workers, and the parent's own environment is left alone."""
    assert await workers.run(call, "os:getenv", "POLARS_MAX_THREADS") == "1"
    assert "POLARS_MAX_THREADS" not in os.environ


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        os.sched_yield()
