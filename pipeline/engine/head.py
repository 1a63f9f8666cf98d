"""Head: the job over the first records only, outside of the stages."""

from __future__ import annotations

from pipeline.engine.calls import Calls
from pipeline.engine.plan import Plan
from pipeline.fetch.sample import sample
from pipeline.model import ChunkBytes, Rows
from pipeline.worker.files import preview_path


async def head(plan: Plan, calls: Calls, folder: str, records: int) -> str:
    """Runs the job over the first `records` records, of the first megabyte of each shard at most; returns the path of
    the rows, see `worker.preview`. Raises as `flow.run`."""
    samples: list[tuple[str, ChunkBytes | Rows]] = []
    path = preview_path(folder)
    found = 0
    while found < records and len(samples) < len(plan.shards):
        for shard in plan.shards[len(samples) : 2 * len(samples) + 1]:  # twice as many each time: shards may be tiny
            begin = await sample(shard, plan.fetching)
            samples.append((shard.name, Rows(begin, 0) if isinstance(begin, str) else begin))
        found = await calls.head(plan.job, samples, records, path)
    return path
