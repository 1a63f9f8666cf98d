"""The lock of an output: one owner, whatever races, and none when he is dead."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.sink.lock import Held, Lock, Owner

FIFTY = """
import os, sys
from pathlib import Path
from pipeline.sink.lock import Held, Lock, Owner

start, go = os.pipe()
done, tell = os.pipe()
children = []
for number in range(50):
    if not (child := os.fork()):
        os.close(go)
        os.read(start, 1)  # the end of the pipe: all begin at once
        lock = Lock(Path(sys.argv[1]))
        try:
            lock.take()
            lock.sign(Owner(os.getpid(), "j", "r"))
            os.write(tell, b"1")
        except Held:
            os.write(tell, b"0")
        os.read(0, 1)  # holds on until all have tried
        if sys.argv[2] == "remove" and lock.taken:
            os.unlink(lock.path)
        os._exit(0)
    children.append(child)
os.close(go)
answers = b""
while len(answers) < 50:
    answers += os.read(done, 50)
print(answers.count(b"1"), flush=True)
"""

HOLD = """
import os, sys
from pathlib import Path
from pipeline.sink.lock import Lock, Owner

lock = Lock(Path(sys.argv[1]))
lock.take()
lock.sign(Owner(os.getpid(), "flights", "run-1"))
print("held", flush=True)
sys.stdin.read()
"""

CHURN = """
import os, sys
from pathlib import Path
from pipeline.sink.lock import Held, Lock, Owner

inside, held = Path(sys.argv[1] + ".inside"), 0
for _ in range(4):
    if not os.fork():
        break
else:
    failures = sum(os.wait()[1] for _ in range(4))
    print(failures)
    sys.exit()
while held < 200:
    lock = Lock(Path(sys.argv[1]))
    try:
        lock.take()
    except Held:
        continue
    descriptor = os.open(inside, os.O_CREAT | os.O_EXCL)  # fails where another is inside
    lock.sign(Owner(os.getpid(), "j", "r"))
    os.close(descriptor)
    inside.unlink()
    lock.path.unlink()
    lock.let_go()
    held += 1
os._exit(0)
"""


def started(script: str, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *args]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_of_fifty_that_come_at_once_one_gets_it(tmp_path: Path) -> None:
    """Fifty processes released at the same moment, all alive until all have tried."""
    for ending in ("remove", "die"):
        run = started(FIFTY, str(tmp_path / "lock"), ending)
        assert run.stdout is not None
        assert run.stdout.readline() == "1\n"
        run.communicate(timeout=60)
        assert run.returncode == 0


def test_no_two_hold_it_while_it_is_made_and_removed(tmp_path: Path) -> None:
    """The classic race: a file that was opened, removed by its owner, and then locked is no lock."""
    out, _ = started(CHURN, str(tmp_path / "lock")).communicate(timeout=60)
    assert out == "0\n"


def test_the_lock_of_a_killed_owner_is_free_at_once(tmp_path: Path) -> None:
    """kill -9 leaves the file, which names the dead, and no lock."""
    path = tmp_path / "lock"
    run = started(HOLD, str(path))
    assert run.stdout is not None
    assert run.stdout.readline() == "held\n"
    owner = Owner(run.pid, "flights", "run-1")
    with pytest.raises(Held) as caught:
        Lock(path).take()
    assert caught.value.owner == owner
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=60)
    lock = Lock(path)
    assert lock.take() == owner
    lock.let_go()


def test_a_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A worker that outlives its parent for a moment must not lock the next run out."""
    lock = Lock(tmp_path / "lock")
    lock.take()
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"  # from here on it has closed what is to be closed in a child
        lock.let_go()
        other = Lock(tmp_path / "lock")
        other.take()
        other.let_go()
    finally:
        child.communicate(timeout=60)


NOBODY = """
import os, sys
from pathlib import Path
from pipeline.sink.lock import Held, Lock

os.setuid(65534)
lock = Lock(Path(sys.argv[1]))
try:
    dead = lock.take()
    print("taken from", dead.run, os.fstat(os.open(lock.path, os.O_RDONLY)).st_uid)
except Held as held:
    print("held by", held.owner.run)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_users_of_one_folder_see_each_other() -> None:
    """In a folder that several write: the lock of another user's live run is respected, that of a dead one replaced."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        lock = Lock(Path(folder, "lock"))
        lock.take()
        lock.sign(Owner(os.getpid(), "j", "run-1"))
        lock.path.chmod(0o644)
        assert started(NOBODY, str(lock.path)).communicate(timeout=60)[0] == "held by run-1\n"
        lock.let_go()
        assert started(NOBODY, str(lock.path)).communicate(timeout=60)[0] == "taken from run-1 65534\n"


def test_a_block_is_written_so_that_a_full_disk_says_so(tmp_path: Path) -> None:
    """An empty file takes no room; the lock does, before any work is done."""
    lock = Lock(tmp_path / "lock")
    lock.take()
    lock.sign(Owner(os.getpid(), "j" * 100, "r"))
    assert lock.path.stat().st_size == 4096
    lock.let_go()
    lock.let_go()
