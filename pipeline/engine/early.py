"""What can be told to be wrong with a config before its inputs are listed, beyond what `config.load` sees: its names
with their braces and dates, the place of its rejects, its expressions."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator

from pipeline.config import Config, job_of
from pipeline.config.places import Path
from pipeline.engine.calls import Calls
from pipeline.engine.outputs import rejects_path
from pipeline.fetch.patterns import expand, is_url, shown_url


async def early_faults(config: Config, date: dt.date, calls: Calls) -> list[tuple[Path, str]]:
    """All of it, as (path of the key, problem)."""
    job = job_of(config)
    prepared = None if job.parse.columns is None else await calls.prepare(job, None)
    expressions = prepared.complaints if prepared else ()
    return [*name_faults(config, date), *((fault.path, fault.problem) for fault in expressions)]


def name_faults(config: Config, date: dt.date) -> Iterator[tuple[Path, str]]:
    """Of inputs that stand for too many names, or for a file that the run writes; of sinks that write the rejects."""
    rejects = rejects_path(config.name, job_of(config).sinks)
    written = {os.path.realpath(sink.path): f"sink[{at}]" for at, sink in enumerate(config.sinks) if sink.path != "-"}
    for number, sink in enumerate(config.sinks):
        if sink.path != "-" and os.path.realpath(sink.path) == os.path.realpath(rejects):
            yield ("sink", number, "path"), f"{sink.path!r} is where the rejects of this job go"
    written[os.path.realpath(rejects)] = "the file of rejects"
    for number, pattern in enumerate(config.inputs):
        try:
            names = expand(pattern, date)
        except ValueError as error:
            shown = shown_url(pattern) if is_url(pattern) else pattern
            yield ("inputs", number), str(error).replace(repr(pattern), repr(shown))
            continue
        for name in names:
            # A plain name of a sink's file is `config`'s to refuse: test_a_file_has_one_part_in_a_job.
            if not is_url(name) and (by := written.get(os.path.realpath(name))):
                if name != pattern or by == "the file of rejects":
                    yield ("inputs", number), f"{name!r} would be overwritten by {by}"
                break
