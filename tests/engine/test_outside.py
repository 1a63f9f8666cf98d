"""What the standard library keeps outside the state goes with the next start at the latest."""

import os
import signal
import subprocess
import sys
from pathlib import Path

_PARENT = """
import asyncio, os, sys
from pipeline.engine.executors import Workers
from pipeline.worker.remote import call

async def main():
    async with Workers(1) as workers:
        await workers.run(call, "os:getpid")
        print(flush=True)
        sys.stdin.read()

if __name__ == "__main__":
    asyncio.run(main())
"""
_NEXT = "from pipeline.engine.outside import settle_outside; settle_outside()"


def _there(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders of processes, and the semaphores that bear their names."""
    folders = [*folder.glob("pipeline-*/*")]
    return folders, [path for each in folders for path in Path("/dev/shm").glob(f"sem.pipeline-{each.name}-*")]


def _started(tmp_path: Path) -> "subprocess.Popen[bytes]":
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"\n"
    return parent


def test_a_killed_group_leaves_nothing_outside_the_state(tmp_path: Path) -> None:
    """Killed with everything that would clean up after it, a run leaves a socket and semaphores: the next start finds
    them by name, and takes nothing from one that is alive."""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with _started(tmp_path) as dead:
        os.killpg(dead.pid, signal.SIGKILL)
    folders, semaphores = _there(tmp_path)
    assert len(folders) == 1
    assert semaphores
    with _started(tmp_path) as alive:
        left, held = _there(tmp_path)
        assert len(left) == 1
        assert left != folders
        assert not any(path.exists() for path in semaphores)
        subprocess.run([sys.executable, "-c", _NEXT], env=env, check=True)
        assert _there(tmp_path) == (left, held)
        alive.communicate()
    assert [*tmp_path.glob("pipeline-*/*")] == []
    assert not any(path.exists() for path in held)
