"""`pipeline plan`: what a run would do. Reads no data, but for the first megabyte where types are to be inferred."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from pipeline.commands.session import with_workers
from pipeline.config import Config
from pipeline.console.units import counted, safe, size
from pipeline.engine.calls import Calls
from pipeline.engine.plan import Plan, planned
from pipeline.engine.run_folder import run_folder


def main(args: argparse.Namespace) -> int:
    """Writes the plan to standard output."""

    async def body(config: Config, calls: Calls) -> int:
        with run_folder(config.run.state, config.name) as folder:
            async with planned(config, args.date, calls, folder, lambda _: None) as plan:
                sys.stdout.writelines(line + "\n" for line in lines(plan))
        return 0

    return with_workers(args, body)


def lines(plan: Plan) -> Iterator[str]:
    """A line a shard, then the sums, the columns, and the memory that a run may take beside the workers' own."""
    chunk_bytes = plan.job.chunk_bytes
    chunks = sum(-(-(shard.size or 1) // chunk_bytes) for shard in plan.shards)
    sizes = [size(shard.size) if shard.size is not None else "size unknown" for shard in plan.shards]
    width = max(map(len, sizes))
    for shard, text in zip(plan.shards, sizes, strict=True):
        yield f"{text:>{width}}  {safe(shard.name)}"
    total = size(plan.bytes_stored) if plan.bytes_stored is not None else "size unknown before they are fetched"
    least = counted(chunks, "chunk")
    yield f"{counted(len(plan.shards), 'shard')}, {total}; at least {least} of {size(chunk_bytes)} decoded"
    columns = plan.job.parse.columns or ()
    yield f"columns: {', '.join(f'{column.name}: {column.type}' for column in columns)}"
    yield f"result: {', '.join(f'{name}: {type}' for name, type in plan.result)}"
    yield (
        f"memory: at most {size(plan.config.run.memory_bytes)} in flight, "
        f"beside {counted(plan.workers, 'worker')} with about 150 MiB each before any data"
    )
