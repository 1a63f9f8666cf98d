"""The server that workers are forked from: a process that has imported what they need, and done nothing else.

Light to import: the earlier it is started, the more of its imports run beside the parent's own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import forkserver, resource_tracker

from pipeline.engine.outside import settle_outside

PRELOAD = ("pipeline.worker.prepare", "pipeline.worker.task", "pipeline.worker.combine", "pipeline.parse.csv")
"""What a worker calls first. What only some jobs need, it imports by itself."""


def start_forkserver() -> None:
    """Starts the server and returns at once. May be called again."""
    settle_outside()
    multiprocessing.set_forkserver_preload(list(PRELOAD))
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"  # parallelism is across workers; read when the server imports polars
    resource_tracker.ensure_running()  # here, since it takes SIGINT out of the mask when it has started
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
