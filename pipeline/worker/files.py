"""Names of the files that workers leave in the folder of a run."""

from __future__ import annotations

import os

from pipeline.model import ChunkId


def preview_path(folder: str) -> str:
    """The first rows of the result, see `worker.preview`."""
    return os.path.join(folder, "preview.json")


def stem(start: str, id: ChunkId) -> str:
    """What the files of one attempt at a task begin with, after what those of the run do: the worker is in it, so that
    an attempt that was given up can never be mistaken for the one that counted."""
    return start + f"{id}-{os.getpid()}".replace(":", "-")
