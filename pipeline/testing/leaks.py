"""What a test must not leave behind: processes, descriptors, threads, shared memory, temporary files.

What a module shares, such as its workers and its loop, is there between two of its tests by right: then only what
cannot belong to it is looked at after each test, and everything once after the module.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 10.0
"""How long something may take to go that is on its way out: a killed worker, a pool's last thread. Only a test that
leaks waits so long."""

OF_MODULES = ("ExecutorManagerThread", "QueueFeederThread", "asyncio_", "Thread-")
"""Names of threads that come and go with a module's workers and its loop."""

OF_SESSIONS = ("pipeline-", "pymp-")
"""Names of temporary folders that belong to the fork server."""

FOR_EVER = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")
"""Children that stay until the interpreter ends: one of each."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """What this process has."""

    children: frozenset[str]
    """Numbers and command lines of direct children; after a module also of workers, the fork server's children."""
    files: frozenset[str]
    """Descriptors of files, folders and memory files: number and path."""
    threads: frozenset[str]
    """Names and numbers of threads."""
    shared: frozenset[str]
    """Names in /dev/shm."""
    temporary: frozenset[str]
    """Names in the folder for temporary files."""

    def left(self, before: Belongings) -> dict[str, list[str]]:
        """What is there now and was not before, by kind; nothing of a kind that has not grown."""
        kinds = ("children", "files", "threads", "shared", "temporary")
        grown = {kind: sorted(getattr(self, kind) - getattr(before, kind)) for kind in kinds}
        return {kind: names for kind, names in grown.items() if names}


def of_test() -> Belongings:
    """Costs about a millisecond."""
    threads = {name for name in _threads() if not name.startswith(OF_MODULES)}
    return Belongings(_children("self", deep=False), _files(), frozenset(threads), _shared(), _temporary())


def of_module() -> Belongings:
    """The same, with what the tests of a module share."""
    return Belongings(_children("self", deep=True), _files(), _threads(), _shared(), _temporary())


def leaks(before: Belongings, look: Callable[[], Belongings]) -> dict[str, list[str]]:
    """What is left, once all that is on its way out has gone."""
    left = look().left(before)
    if not left:
        return {}
    gc.collect()  # what only a cycle keeps is no leak
    until = time.monotonic() + PATIENCE_S
    while (left := look().left(before)) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def _children(of: str, *, deep: bool) -> frozenset[str]:
    found: set[str] = set()
    for task in _listed(f"/proc/{of}/task"):
        for pid in _read(f"/proc/{of}/task/{task}/children").split():
            command = _read(f"/proc/{pid}/cmdline").replace("\0", " ")
            if not any(name in command for name in FOR_EVER):
                found.add(f"{pid} {command[:100]}")
            elif of == "self" and deep:
                found |= _children(pid, deep=True)
    return frozenset(found)


def _files() -> frozenset[str]:
    found: set[str] = set()
    session = tuple(os.path.join(tempfile.gettempdir(), name) for name in OF_SESSIONS)
    for number in _listed("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115 - most are no paths
        except OSError:  # the one that lists them
            continue
        if path.startswith("/") and not path.startswith(("/dev/", "/proc/", "/sys/", *session)):
            found.add(f"{number} {path}")
    return frozenset(found)


def _threads() -> frozenset[str]:
    here = threading.current_thread()
    return frozenset(f"{thread.name} {thread.ident}" for thread in threading.enumerate() if thread is not here)


def _shared() -> frozenset[str]:
    """What bears the number of this process: others run tests beside it."""
    return frozenset(name for name in _listed("/dev/shm") if str(os.getpid()) in name)  # noqa: S108


def _temporary() -> frozenset[str]:
    return frozenset(name for name in _listed(tempfile.gettempdir()) if not name.startswith(OF_SESSIONS))


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # a process that has ended; a system without it
        return []


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:  # it has ended
        return ""
