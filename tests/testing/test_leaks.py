"""The leak check finds what a test leaves, and nothing else."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.testing import leaks
from pipeline.testing.leaks import of_module, of_test


def child() -> Callable[[], object]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    return lambda: process.communicate(b"\n")


def descriptor() -> Callable[[], object]:
    opened = os.open(__file__, os.O_RDONLY)
    return lambda: os.close(opened)


def memory_file() -> Callable[[], object]:
    opened = os.memfd_create("left")
    return lambda: os.close(opened)


def thread() -> Callable[[], object]:
    go = threading.Event()
    left = threading.Thread(target=go.wait, name="left")
    left.start()

    def end() -> None:
        go.set()
        left.join()

    return end


def temporary_file() -> Callable[[], object]:
    handle, name = tempfile.mkstemp()
    os.close(handle)
    return Path(name).unlink


def shared_memory() -> Callable[[], object]:
    path = Path(f"/dev/shm/left-{os.getpid()}")
    path.touch()
    return path.unlink


@pytest.mark.parametrize(
    ("leave", "kind"),
    [
        (child, "children"),
        (descriptor, "files"),
        (memory_file, "files"),
        (thread, "threads"),
        (temporary_file, "temporary"),
        (shared_memory, "shared"),
    ],
)
def test_what_a_test_leaves_is_found(
    leave: Callable[[], Callable[[], object]], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind by its name, and no more once it is gone."""
    monkeypatch.setattr(leaks, "PATIENCE_S", 0)
    before, module = of_test(), of_module()
    end = leave()
    assert list(leaks.leaks(before, of_test)) == [kind]
    assert list(leaks.leaks(module, of_module)) == [kind]
    end()
    assert of_test().left(before) == {}


def test_what_is_on_its_way_out_is_waited_for() -> None:
    """A thread that is about to end is no leak: the check does not depend on who is faster."""
    before = of_test()
    timer = threading.Timer(0.05, lambda: None)
    timer.name = "left"
    timer.start()
    assert leaks.leaks(before, of_test) == {}


def test_what_was_there_before_is_no_leak(tmp_path: Path) -> None:
    """A descriptor that was closed, and a number that was used again for the same file."""
    with open(tmp_path / "a", "w"):
        before = of_test()
    assert of_test().left(before) == {}
