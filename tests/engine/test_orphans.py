"""Nothing survives its parent."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_PARENT = """
import asyncio, os, sys
from pipeline.engine.executors import Workers
from pipeline.worker.remote import call

async def main():
    async with Workers(2) as workers:
        pids = {await workers.run(call, "os:getpid") for _ in range(2)}
        print(*pids, flush=True)
        await workers.run(call, "time:sleep", 1000)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_killed_parent_leaves_no_worker(tmp_path: Path) -> None:
    """kill -9 of the parent: every worker, busy or idle, ends by itself."""
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        parent.kill()
    _wait_until(lambda: not any(map(_alive, pids)))


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        os.sched_yield()
