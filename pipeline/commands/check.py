"""`pipeline check`: is the config right, its expressions included? Needs no input where the config has the columns."""

from __future__ import annotations

import argparse
import datetime as dt
from tempfile import TemporaryDirectory

from pipeline.commands.session import with_workers
from pipeline.config import Config, job_of
from pipeline.console.streams import write_results
from pipeline.engine.calls import Calls
from pipeline.engine.columns import checked
from pipeline.engine.plan import planned
from pipeline.engine.signals import Stop
from pipeline.fetch.inputs import names_of


def main(args: argparse.Namespace) -> int:
    """Says what the result will look like; every complaint is raised as a ConfigError."""

    async def body(config: Config, calls: Calls, _stop: Stop) -> str:
        return ", ".join(f"{name}: {type}" for name, type in await _result(config, args.date, calls))

    columns = with_workers(args, body, at_most=1)
    write_results([f"{args.config}: right; the result has {columns}"])
    return 0


async def _result(config: Config, date: dt.date | None, calls: Calls) -> tuple[tuple[str, str], ...]:
    """The columns of the result. Inputs are looked at only where a sample of them has to tell what they hold."""
    job = job_of(config)
    if job.parse.columns is not None:
        for _ in names_of(config.inputs, date or dt.datetime.now().astimezone().date()):
            pass  # raises
        return (await checked(config, job, None, calls)).result
    with TemporaryDirectory() as folder:
        async with planned(config, date, calls, folder, lambda _: None) as plan:
            return plan.result
