"""All OS processes of one trial: whoever inherited its mark, whatever has become of its parent."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MARK = "PIPELINE_TORTURE"
"""The variable of the environment that marks them."""


def members(mark: str) -> list[int]:
    """Pids of those alive; what has ended and was not waited for is not."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in Path(entry.path, "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def workers(mark: str) -> list[int]:
    """Pids of the pool's workers: children of the fork server, the only child that has children."""
    parents = {pid: _parent(pid) for pid in members(mark)}
    return sorted(pid for pid, parent in parents.items() if parents.get(parents.get(parent, 0), 0))


def semaphores(mark: str) -> set[str]:
    """Paths of the named semaphores that they have open now."""
    found: set[str] = set()
    for pid in members(mark):
        with contextlib.suppress(OSError):
            found.update(re.findall(r"/dev/shm/\S+", Path(f"/proc/{pid}/maps").read_text()))
    return found


def gone(mark: str, within_s: float) -> list[int]:
    """Waits until none is alive, at most so long; returns those that still are."""
    wait_until(lambda: not members(mark), within_s)
    return members(mark)


def described(pid: int) -> str:
    """What it is and what it waits for, as far as can be told."""
    found = []
    for name in ("cmdline", "wchan", "stat"):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200])
    return f"{pid}: {', '.join(found)}"


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Looks every few milliseconds; whether it came true in time."""
    return any(condition() for _ in _ticks(within_s))


def _ticks(within_s: float) -> Iterator[None]:
    until = time.monotonic() + within_s
    while True:
        yield
        if time.monotonic() >= until:
            return
        time.sleep(0.005)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[1])
    except OSError:
        return 0
