"""The store stage: each outcome to the sinks and then to the journal, the moment it completes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from pipeline import events
from pipeline.engine.channel import Channel
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


async def _write(
    outcomes: Channel[Outcome], sinks: Sequence[Sink], record: Callable[[Outcome], Awaitable[None]], emit: Emit
) -> None:
    async for outcome in outcomes:
        for rows in outcome.slices:  # an aggregation's chunks have none
            id = ChunkId(outcome.id.shard, rows.number)
            for sink, segment in zip(sinks, rows.segments, strict=True):
                since = time.monotonic()
                await sink.write(id, segment)
                emit(events.SinkWrote(segment.rows, segment.bytes, time.monotonic() - since))
        await record(outcome)
