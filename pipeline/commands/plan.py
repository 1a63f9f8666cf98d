"""`pipeline plan`: what a run would do. Reads no data, but for the first megabyte where types are to be inferred."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from tempfile import TemporaryDirectory
from types import MappingProxyType

from pipeline.commands.session import with_workers, worker_count
from pipeline.config import Config
from pipeline.console.streams import write_results
from pipeline.console.units import counted, safe, size
from pipeline.engine.calls import Calls
from pipeline.engine.plan import Plan, bytes_stored, planned
from pipeline.engine.showing import Found, foreseen
from pipeline.engine.signals import Stop
from pipeline.engine.state import journal_path
from pipeline.events import Event, ShardSkipped
from pipeline.journal import Journal
from pipeline.journal.schema import open_looking
from pipeline.model import Shard


def main(args: argparse.Namespace) -> int:
    """Writes the plan to standard output, and nothing to the state: a sample of inputs goes to `TMPDIR`."""
    skipped: list[ShardSkipped] = []

    def emit(event: Event) -> None:
        if isinstance(event, ShardSkipped):
            skipped.append(event)

    async def body(config: Config, calls: Calls, _stop: Stop) -> list[str]:
        with _journal(config) as journal, TemporaryDirectory() as folder:
            async with planned(config, args.date, calls, folder, emit, journal=journal) as plan:
                outputs = list(foreseen(plan, journal))
                return [config.redact(line) for line in lines(plan, skipped, worker_count(config), outputs)]

    write_results(with_workers(args, body, at_most=1))
    return 0


def _journal(config: Config) -> AbstractContextManager[Journal | None]:
    path = str(journal_path(config.run.state, config.name))
    db = open_looking(path)
    return nullcontext() if db is None else contextlib.closing(Journal(path, db))


def lines(
    plan: Plan, skipped: Sequence[ShardSkipped], workers: int, outputs: Sequence[tuple[str, Found]]
) -> Iterator[str]:
    """A line a shard, those left out among them, then what is to be read, what becomes of each output, the columns, and
    the memory that a run may take beside the workers' own."""
    rows = [(_size(each.shard), f"{each.how:<10}  {safe(each.shard.name)}") for each in plan.standings]
    rows += [("", f"{'gone':<10}  {safe(name)}") for name in plan.gone]
    rows += [("", f"{'left out':<10}  {safe(shard.name)}: {safe(shard.reason)}") for shard in skipped]
    width = max(len(text) for text, _ in rows)
    yield from (f"{text:>{width}}  {name}" for text, name in rows)
    yield _to_read(plan)
    yield from (f"{safe(path)}: {_WHAT_BECOMES[found]}" for path, found in outputs)
    columns = plan.job.parse.columns or ()
    yield f"columns: {', '.join(f'{column.name}: {column.type}' for column in columns)}"
    yield f"result: {', '.join(f'{name}: {type}' for name, type in plan.result)}"
    yield (
        f"memory: at most {size(plan.config.run.memory_bytes)} in flight, "
        f"beside {counted(workers, 'worker')} with about 150 MiB each before any data"
    )


_WHAT_BECOMES = MappingProxyType(
    {
        "right": "as it should be",
        "missing": "missing: will be written",
        "edited": "edited: will be written",
        "old": "will be written",
        "new": "will be written",
    }
)


def _to_read(plan: Plan) -> str:
    """Of the shards that are not the same. Of one that is unfinished, there is at least one chunk left."""
    left, chunk_bytes = plan.left, plan.job.chunk_bytes
    shards = counted(len(plan.shards), "shard")
    if not left:
        return f"{shards}: nothing to read"
    stored = bytes_stored([each.shard for each in left])
    total = f"{size(stored)} to read" if stored is not None else "to read, size unknown before they are fetched"
    least = sum(1 if each.how == "unfinished" else -(-(each.shard.size or 1) // chunk_bytes) for each in left)
    part = f"{len(left):,} of {shards}" if len(left) < len(plan.shards) else shards
    return f"{part}, {total}; at least {counted(least, 'chunk')} of {size(chunk_bytes)} decoded"


def _size(shard: Shard) -> str:
    return size(shard.size) if shard.size is not None else "size unknown"
