"""Plans by hand, for tests of what is made of one: no listing, no connection, no worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from pipeline.config.load import parse
from pipeline.engine.plan import Plan
from pipeline.engine.recipe import encodings_of, recipe_of
from pipeline.engine.standing import standings
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.inputs import Inputs
from pipeline.journal import Journal
from pipeline.model import Job, Shard

_CONFIG = "name: flights\ninputs: [in]\nparse: {{format: csv}}\nsink: {{path: out.csv}}\nrun: {{memory: {memory}}}\n"


def plan_of(job: Job, shards: Sequence[Shard], journal: Journal, rejects: str = "", *, memory: str = "512MB") -> Plan:
    """The plan of a run that has found these shards. Its inputs and its fetching are not there."""
    settled: Mapping[int, int] = journal.settled(recipe_of(job), encodings_of(job))
    return Plan(
        parse(_CONFIG.format(memory=memory), "job.yaml", environ={}),
        job,
        standings(shards, journal.shards(recipe_of(job)), settled),
        (),
        cast("Inputs", None),
        cast("Fetching", None),
        1,
        rejects,
        (),
    )
