"""`pipeline run --head N`: what a job would give on its first records. Nothing is kept."""

from __future__ import annotations

import argparse
import os
import sys

from pipeline.commands.session import with_workers
from pipeline.config import Config
from pipeline.console.report import Report
from pipeline.console.streams import results_on_terminal, say, write_results
from pipeline.console.text import Preview, Rejects, aligned, left_out
from pipeline.engine.calls import Calls
from pipeline.engine.head import Head
from pipeline.engine.plan import planned
from pipeline.engine.run_folder import run_folder
from pipeline.engine.signals import Stop
from pipeline.errors import UsageError


def show_head(args: argparse.Namespace) -> int:
    """Writes the rows to standard output, a table on a terminal and elsewhere the ndjson that a sink would get, and
    what was left out to standard error. Returns 3 where a shard was left out, else 0.

    Raises UsageError together with an option about the account of a run: a head has none."""
    options = {"--summary": args.summary, "--quiet": args.quiet, "--log json": args.log == "json"}
    if given := [name for name, value in options.items() if value]:
        raise UsageError(
            f"{given[0]} does not go with --head", "--head shows rows, keeps nothing and gives no account."
        )
    report = Report(started=args.started)

    async def body(config: Config, calls: Calls, _stop: Stop) -> tuple[Preview | None, Rejects | None]:
        with run_folder(config.run.state, config.name) as folder:
            async with planned(config, args.date, calls, folder, report) as plan:
                path = os.path.join(folder, "head.ndjson") if results_on_terminal() else "-"
                rejects = await Head(plan, calls, folder, path, report).through(args.head)
                preview = None if path == "-" else Preview.of_lines(plan.result, path)
                totals = report.totals()
                return preview, Rejects.read(rejects, totals.rejected, totals.records) if rejects else None

    preview, rejects = with_workers(args, body, at_most=1)
    if preview is not None:
        write_results(aligned(preview))
    say("".join(f"{line}\n" for line in left_out(report, rejects, kept=False)), sys.stderr)
    return 3 if report.skipped else 0
