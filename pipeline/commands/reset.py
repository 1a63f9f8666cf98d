"""`pipeline reset`: forgets the state of one job. Its outputs stay."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
from pathlib import Path

from pipeline.config import load
from pipeline.console.streams import write_results
from pipeline.engine.lock import locked
from pipeline.errors import OutputError


def main(args: argparse.Namespace) -> int:
    """Removes the folder of the job below `run.state`. Raises Busy while a run is at work, OutputError where the folder
    cannot be removed."""
    config = load(args.config, overrides=args.overrides, environ=os.environ)
    home = Path(config.run.state, config.name)
    if not home.exists():
        write_results([f"{config.name}: there is no state in {config.run.state}"])
        return 0

    async def remove() -> None:
        async with locked(home / "lock", 0.0):
            shutil.rmtree(home)

    try:
        asyncio.run(remove())
    except OSError as error:
        raise OutputError(f"{home}: cannot be removed: {error.strerror}") from error
    with contextlib.suppress(OSError):  # other jobs have their state there
        home.parent.rmdir()
    write_results([f"{config.name}: forgotten; the next run does all the work"])
    return 0
