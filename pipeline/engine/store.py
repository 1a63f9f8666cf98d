"""The store stage: each outcome to the sinks, then to the journal, at once; in the end what earlier runs have left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Sequence

from pipeline import events
from pipeline.engine.channel import Channel
from pipeline.journal import check_file, read_segments
from pipeline.model import ChunkId, Outcome
from pipeline.protocols import Emit, Sink

WRITERS = 16
"""Outcomes on their way to the disk at once: they share a transaction of the journal, and its wait for the disk."""


async def store(
    outcomes: Channel[Outcome], sinks: Sequence[Sink], record: Callable[[Outcome], Awaitable[None]], emit: Emit
) -> None:
    """Takes outcomes until the channel is closed and drained. Durable order: write, then journal (`record`).

    Raises what a sink raises. Cancelled: outcomes under way count as not done.
    """
    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(_write(outcomes, sinks, record, emit))


async def store_earlier(
    journal: str, encodings: Sequence[str], sinks: Sequence[Sink], stored: Container[ChunkId]
) -> None:
    """Gives the sinks, each with its encoding, the rows that are in the journal and not `stored` by this run: those of
    earlier runs, and of an input that is listed twice.

    Raises what a sink raises; DamagedPart for rows that are not what they were, which no sink is given.
    """
    for sink, encoding in zip(sinks, encodings, strict=True):
        for id, segment in await asyncio.to_thread(list, read_segments(journal, encoding)):
            if id not in stored:
                await asyncio.to_thread(check_file, segment.path, segment.crc, segment.bytes)
                await sink.write(id, segment)


async def _write(
    outcomes: Channel[Outcome], sinks: Sequence[Sink], record: Callable[[Outcome], Awaitable[None]], emit: Emit
) -> None:
    async for outcome in outcomes:
        await write_rows(outcome, sinks, emit)
        await record(outcome)


async def write_rows(outcome: Outcome, sinks: Sequence[Sink], emit: Emit) -> None:
    """Gives each sink its segments of the chunks, of which an aggregation's have none. Raises and cancels as
    `Sink.write`."""
    for rows in outcome.slices:
        id = ChunkId(outcome.id.shard, rows.number)
        for sink, segment in zip(sinks, rows.segments, strict=True):
            since = time.monotonic()
            await sink.write(id, segment)
            emit(events.SinkWrote(segment.rows, segment.bytes, time.monotonic() - since))
