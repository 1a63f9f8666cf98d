"""Combines the partials of all chunks: how many buckets, which call follows which. The work is in the workers."""

from __future__ import annotations

import asyncio

from pipeline.engine.calls import Calls
from pipeline.model import Job, Segment

BUCKET_ROWS = 1_000_000
"""Rows of partials that one call combines: some hundred megabytes of a worker's memory."""

MOST_BUCKETS = 256


def bucket_count(rows: int, keys: int) -> int:
    """Into how many hash buckets `rows` rows of partials with so many key columns fall. It depends on them only, never
    on workers or budget: equal partials are always combined alike. Without keys there is one row, and one bucket."""
    if not keys:
        return 1
    return min(MOST_BUCKETS, max(1, -(-rows // BUCKET_ROWS)))


async def combine(job: Job, calls: Calls, journal: str, rows: int, folder: str) -> tuple[Segment, ...]:
    """The result as one segment a sink, from the `rows` rows of partials in the journal. Raises InputRefused where a
    sum does not fit. Cancelled: kills the workers that are at it."""
    assert job.aggregate is not None
    count = bucket_count(rows, len(job.aggregate.by))
    async with asyncio.TaskGroup() as group:
        buckets = [
            group.create_task(calls.combine_bucket(job, journal, index, count, folder)) for index in range(count)
        ]
    return await calls.finish(job, [bucket.result() for bucket in buckets], folder)
