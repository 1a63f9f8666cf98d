"""The plan: what a run will do, known before it begins: how every shard stands, and the job with nothing left open."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pipeline.config import Config, job_of
from pipeline.engine.calls import Calls
from pipeline.engine.columns import prepared_job
from pipeline.engine.early import early_faults, name_faults
from pipeline.engine.outputs import rejects_path
from pipeline.engine.reaching import fetching_of, input_spec
from pipeline.engine.recipe import encodings_of, headers_key, recipe_of
from pipeline.engine.standing import Standing, known_versions, standings
from pipeline.errors import InputMissing
from pipeline.events import Event, ShardSkipped
from pipeline.fetch.checksums import with_checksums
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.inputs import Inputs
from pipeline.journal import Journal, ShardRow
from pipeline.model import Job, Shard
from pipeline.protocols import Emit

if TYPE_CHECKING:
    pass

T = TypeVar("T")

ALL_MISSING = "fetch.on_missing is skip, which leaves out some inputs, not all."


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs to know of its job."""

    config: Config
    job: Job
    standings: tuple[Standing, ...]
    """Every input in canonical order."""
    gone: tuple[str, ...]
    """Inputs of the last run that are no more."""
    inputs: Inputs
    fetching: Fetching
    """Knows of no journal yet: a run gives it one."""
    workers: int
    rejects: str
    """Where the rejects go, if there are any."""
    result: tuple[tuple[str, str], ...]
    """The columns of the result: (name, type)."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Inputs that were skipped so far: (name, reason)."""
    facts: tuple[tuple[str, str], ...] = ()
    """What was found out, to be kept once the run has a result: what a failed run has inferred is not to bind those
    after it."""

    @property
    def shards(self) -> tuple[Shard, ...]:
        return tuple(standing.shard for standing in self.standings)

    @property
    def left(self) -> tuple[Standing, ...]:
        """With work left: one that is listed twice is worked on once."""
        once = {each.identity: each for each in reversed(self.standings)}
        return tuple(each for each in self.standings if each.how != "same" and once[each.identity] is each)

    @property
    def rejects_shown(self) -> str:
        """The same, as a person in the working directory would write it."""
        return os.path.relpath(self.rejects)


def bytes_stored(shards: Sequence[Shard]) -> int | None:
    """Of all shards, where every size is known."""
    sizes = [shard.size for shard in shards]
    return None if None in sizes else sum(size or 0 for size in sizes)


@asynccontextmanager
async def planned(
    config: Config,
    date: dt.date | None,
    calls: Calls,
    folder: str,
    emit: Emit,
    *,
    journal: Journal | None = None,
    summary: str | None = None,
) -> AsyncIterator[Plan]:
    """Lists the inputs, asks servers for the versions of those that the journal has, and prepares the job; its
    connections last as long as the context. `summary` is one more file that the run writes.

    Reads no data, but for the first megabyte of the first shard with a record where neither the config nor the journal
    tells the columns. Raises InputMissing, ConfigError for expressions that do not fit the columns, and what reading
    the sample raises.
    """
    job = job_of(config)
    if any(name_faults(config, run_date(date))):
        raise config.refused(await early_faults(config, run_date(date), calls))
    rejects = rejects_path(config.name, job.sinks)
    left_out: list[tuple[str, str]] = []

    def see(event: Event) -> None:
        if isinstance(event, ShardSkipped):
            left_out.append((event.name, event.reason))
        emit(event)

    async with Inputs(input_spec(config, run_date(date), (rejects, *([summary] if summary else []))), see) as inputs:
        shards = tuple([shard async for shard in inputs.list()])
        fetching = fetching_of(config, job, inputs, calls, folder=folder, emit=emit)
        job, result, facts = await prepared_job(config, shards, fetching, calls, journal)
        rows: list[ShardRow] = []
        settled: dict[int, int] = {}
        asked = headers_key(config.fetch.headers)
        gone: tuple[str, ...] = ()
        if journal is not None:
            recipe, encodings = recipe_of(job), encodings_of(job)
            rows = await _read(journal.shards, recipe)
            settled = await _read(journal.settled, recipe, encodings)
            shards = tuple(await inputs.survey(shards, known_versions(shards, rows, asked)))
            if not shards:
                raise InputMissing(
                    "every input is missing", "fetch.on_missing is skip, which leaves out some, not all."
                )
            names = {shard.name for shard in shards}
            gone = tuple(name for _, _, name in await _read(journal.positions) if name not in names)
        if config.fetch.changes == "content":
            shards = await with_checksums(shards, inputs.threads)
        yield Plan(
            config,
            job,
            standings(shards, rows, settled, asked),
            gone,
            inputs,
            replace(fetching, emit=emit),
            calls.workers,
            rejects,
            result,
            tuple(left_out),
            facts,
        )


async def _read(query: Callable[..., T], *args: object) -> T:
    """One query: they come one after the other, before the run writes."""
    return await asyncio.to_thread(query, *args)


def run_date(date: dt.date | None) -> dt.date:
    """What `{date}` stands for: the date of the command line, else today."""
    return date or dt.datetime.now().astimezone().date()
