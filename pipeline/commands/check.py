"""`pipeline check`: is the config right, its expressions included?"""

from __future__ import annotations

import argparse
import sys

from pipeline.commands.session import with_workers
from pipeline.config import Config
from pipeline.engine.calls import Calls
from pipeline.engine.plan import planned
from pipeline.engine.run_folder import run_folder


def main(args: argparse.Namespace) -> int:
    """Says what the result will look like; every complaint is raised as a ConfigError."""

    async def body(config: Config, calls: Calls) -> int:
        with run_folder(config.run.state, config.name) as folder:
            async with planned(config, args.date, calls, folder, lambda _: None) as plan:
                columns = ", ".join(f"{name}: {type}" for name, type in plan.result)
        sys.stdout.write(f"{args.config}: right; the result has {columns}\n")
        return 0

    return with_workers(args, body)
