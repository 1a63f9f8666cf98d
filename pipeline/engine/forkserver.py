"""The server that workers are forked from: a process that has imported what they need, and done nothing else.

Light to import: the earlier it is started, the more of its imports run beside the parent's own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver, resource_tracker

from pipeline.engine.outside import settle_outside

PRELOAD = ("pipeline.worker.prepare", "pipeline.worker.task", "pipeline.worker.combine", "pipeline.parse.csv")
"""What a worker calls first. What only some jobs need, it imports by itself."""


_SILENCE = "ignore:resource_tracker:UserWarning"
"""After a kill -9 of this process its tracker tells of leaked semaphores: mail from cron about what it has cleared."""


def _start_tracker() -> None:
    sys.warnoptions.append(_SILENCE)  # it is given these, and nobody else is: they go at once
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(_SILENCE)


def start_forkserver() -> None:
    """Starts the server and returns at once. May be called again."""
    settle_outside()
    multiprocessing.set_forkserver_preload(list(PRELOAD))
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"  # parallelism is across workers; read when the server imports polars
    _start_tracker()  # here, since it takes SIGINT out of the mask when it has started
    # Inherited: a Ctrl-C while the server imports is the parent's business, as every later one is.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before
