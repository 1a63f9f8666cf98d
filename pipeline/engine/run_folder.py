"""The folder of one run below `run.state`: partials, segments, the journal. Gone when the run has ended."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import OutputError


@contextlib.contextmanager
def run_folder(state: str, job: str) -> Iterator[str]:
    """Makes `state/job/run-...` (0700: what is in it may be private) and removes it at the end, whatever happens.

    Raises OutputError where it cannot be made.
    """
    folder = Path(state, job, f"run-{os.getpid()}-{secrets.token_hex(4)}")
    made = [above for above in (folder.parent, folder.parent.parent) if not above.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder of the run cannot be made: {error.strerror}", "run.state says where it goes."
        ) from error
    try:
        yield str(folder.absolute())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another run may be in them
            for above in made:
                above.rmdir()
