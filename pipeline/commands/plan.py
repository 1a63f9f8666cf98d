"""`pipeline plan`: what a run would do. Reads no data, but for the first megabyte where types are to be inferred."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from pipeline.commands.session import with_workers, worker_count
from pipeline.config import Config
from pipeline.console.streams import write_results
from pipeline.console.units import counted, safe, size
from pipeline.engine.calls import Calls
from pipeline.engine.plan import Plan, bytes_stored, planned
from pipeline.engine.run_folder import run_folder
from pipeline.engine.signals import Stop
from pipeline.engine.state import journal_path
from pipeline.events import Event, ShardSkipped
from pipeline.journal import Journal
from pipeline.model import Shard


def main(args: argparse.Namespace) -> int:
    """Writes the plan to standard output."""
    skipped: list[ShardSkipped] = []

    def emit(event: Event) -> None:
        if isinstance(event, ShardSkipped):
            skipped.append(event)

    async def body(config: Config, calls: Calls, _stop: Stop) -> list[str]:
        path = journal_path(config.run.state, config.name)
        with (
            contextlib.closing(Journal(str(path))) if path.exists() else nullcontext() as journal,
            run_folder(config.run.state, config.name) as folder,
        ):
            async with planned(config, args.date, calls, folder, emit, journal=journal) as plan:
                return [config.redact(line) for line in lines(plan, skipped, worker_count(config))]

    write_results(with_workers(args, body, at_most=1))
    return 0


def lines(plan: Plan, skipped: Sequence[ShardSkipped], workers: int) -> Iterator[str]:
    """A line a shard, those left out among them, then the sums, the columns, and the memory that a run may take beside
    the workers' own."""
    chunk_bytes = plan.job.chunk_bytes
    chunks = sum(-(-(shard.size or 1) // chunk_bytes) for shard in plan.shards)
    rows = [(_size(each.shard), f"{each.how:<10}  {safe(each.shard.name)}") for each in plan.standings]
    rows += [("", f"{'gone':<10}  {safe(name)}") for name in plan.gone]
    rows += [("", f"{'left out':<10}  {safe(shard.name)}: {safe(shard.reason)}") for shard in skipped]
    width = max(len(text) for text, _ in rows)
    yield from (f"{text:>{width}}  {name}" for text, name in rows)
    stored = bytes_stored(plan.shards)
    total = size(stored) if stored is not None else "size unknown before they are fetched"
    least = counted(chunks, "chunk")
    yield f"{counted(len(plan.shards), 'shard')}, {total}; at least {least} of {size(chunk_bytes)} decoded"
    columns = plan.job.parse.columns or ()
    yield f"columns: {', '.join(f'{column.name}: {column.type}' for column in columns)}"
    yield f"result: {', '.join(f'{name}: {type}' for name, type in plan.result)}"
    yield (
        f"memory: at most {size(plan.config.run.memory_bytes)} in flight, "
        f"beside {counted(workers, 'worker')} with about 150 MiB each before any data"
    )


def _size(shard: Shard) -> str:
    return size(shard.size) if shard.size is not None else "size unknown"
