"""One run of a job at a time, over real processes: POSIX locks say nothing within one."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engine.lock import holder, locked
from pipeline.errors import Busy, OutputError

_OWNER = """
import asyncio, os, sys
from pathlib import Path
from pipeline.engine.lock import locked

async def main():
    async with locked(Path(sys.argv[1]), 0):
        child = os.fork() if sys.argv[2] == "fork" else -1
        if child == 0:
            os.closerange(3, 64)  # all that a child has of its own: the lock is the parent's alone
            os.read(0, 1)
            os._exit(0)
        print(os.getpid(), flush=True)
        os.read(0, 1)

asyncio.run(main())
"""


class Owner:
    """Another process that has the lock until it is killed or its standard input ends."""

    def __init__(self, path: Path, how: str = "plain") -> None:
        command = [sys.executable, "-c", _OWNER, str(path), how]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout
        self.pid = int(self.process.stdout.readline())

    def end(self) -> None:
        """Lets it go, if it is still there."""
        self.process.communicate(b"")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def owner(path: Path) -> Iterator[Owner]:
    owner = Owner(path)
    yield owner
    owner.end()


async def take(path: Path, wait_s: float = 0) -> None:
    async with locked(path, wait_s):
        pass


async def test_a_second_run_is_told_who_has_it(path: Path, owner: Owner) -> None:
    """At once, with the owner's number, and with what waits for its end; the owner is not disturbed."""
    for _ in range(2):
        with pytest.raises(Busy, match=rf"process {owner.pid} on .*since 20.*\n.*--wait"):
            await take(path)
    owner.end()
    await take(path)


async def test_a_lock_is_free_the_instant_its_owner_is_killed(path: Path, owner: Owner) -> None:
    """kill -9 leaves nothing stale: no age is compared, no number looked up."""
    owner.process.kill()
    owner.process.wait()
    await take(path)


def test_who_has_it_can_be_asked(path: Path) -> None:
    """`status` tells a run at work from one that was killed, without a hand on the lock, and makes no file."""
    assert holder(path) is None
    assert not path.exists()
    owner = Owner(path)
    assert str(holder(path)).startswith(f"process {owner.pid} on ")
    owner.process.kill()
    owner.process.wait()
    assert holder(path) is None
    owner.end()


async def test_a_child_of_the_owner_keeps_nothing(path: Path) -> None:
    """A worker that outlives its run for a moment does not lock the next one out."""
    owner = Owner(path, "fork")
    owner.process.kill()
    owner.process.wait()
    await take(path)
    owner.end()


async def test_whoever_waits_has_it_when_the_owner_ends(path: Path, owner: Owner) -> None:
    """`--wait 10m`: in its turn, without being called again."""
    waiting = asyncio.create_task(take(path, 60))
    await asyncio.sleep(0)
    assert not waiting.done()
    owner.end()
    await waiting


async def test_whoever_waits_in_vain_is_told(path: Path, owner: Owner) -> None:
    """The end of the patience is as good an answer as none of it."""
    with pytest.raises(Busy):
        await take(path, 0.01)


async def test_a_wait_can_be_given_up(path: Path, owner: Owner) -> None:
    """Ctrl-C while waiting: nothing is held."""
    waiting = asyncio.create_task(take(path, 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    owner.end()
    await take(path)


async def test_the_file_is_private_and_no_link_is_followed(path: Path, tmp_path: Path) -> None:
    """What it says of the owner is for its user; a link planted in its place overwrites nothing."""
    await take(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    other = tmp_path / "precious"
    other.write_text("mine")
    path.symlink_to(other)
    with pytest.raises(OutputError, match="lock"):
        await take(path)
    assert other.read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": 1}', b"[1]", b"\xff\xfe"])
async def test_an_unreadable_signature_is_no_obstacle(path: Path, owner: Owner, content: bytes) -> None:
    """An owner that has not signed yet, or was cut off in the middle of it: busy all the same."""
    # Written by another process: closing it here would matter only to a lock that is held here.
    path.write_bytes(content)
    with pytest.raises(Busy, match="only just begun"):
        await take(path)


async def test_nothing_is_left_open(path: Path, owner: Owner) -> None:
    """A descriptor for each look at a lock would end a long wait."""
    before = os.listdir("/proc/self/fd")
    with pytest.raises(Busy):
        await take(path)
    assert os.listdir("/proc/self/fd") == before
