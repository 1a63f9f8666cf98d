"""The fetch stage: shards in, tasks out, as many shards at once as allowed, as many bytes as the budget has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from pipeline.errors import InputMissing, InputRefused
from pipeline.events import ShardFetched, ShardOpened, ShardSkipped
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.local import send_file, send_rest
from pipeline.fetch.outgoing import Outgoing
from pipeline.fetch.patterns import is_url
from pipeline.fetch.streams import send_stream
from pipeline.model import Parcel, Shard
from pipeline.protocols import Budget, Outlet


async def fetch(shards: Iterable[Shard], fetching: Fetching, budget: Budget, out: Outlet[Parcel]) -> None:
    """Sends every task of every shard that is not done, begun in order; does not close `out`.

    Each shard is told to `fetching.begin` with the version that is read, which says what of it is done, and in the end
    to `fetching.end` with the number of all its tasks. A plain file is read only where tasks are not done; a stream is
    read again from its start, for the cuts.

    The cuts depend on the bytes alone (law 1). Bytes are drawn from the budget before they are read and given back
    with the parcel that holds them; a budget of one `hold_bytes` is enough. A shard without a record has no task.

    Raises, in an exception group, the first error that ends it: InputMissing (unless `on_missing` is skip),
    CorruptInput, InputRefused, ServerError. Cancelled: connections, files, memory files and the bytes held are given
    back, threads at work are waited for; parcels that were sent are the receiver's.
    """
    outgoing = Outgoing(budget, out, fetching.emit)
    waiting = iter(shards)
    async with asyncio.TaskGroup() as group:
        for _ in range(fetching.spec.concurrency):
            group.create_task(_fetch_each(waiting, fetching, outgoing))


async def _fetch_each(waiting: Iterator[Shard], fetching: Fetching, outgoing: Outgoing) -> None:
    for shard in waiting:  # one iterator for all: whoever is free takes the next
        fetching.emit(ShardOpened(shard.order, shard.name))
        way = outgoing.for_shard()
        try:
            tasks = await _fetch_shard(shard, fetching, way)
        except InputMissing as error:
            if way.sent:  # it was there, and half of a shard is no result: test_a_shard_that_goes_halfway_is_an_error
                raise InputRefused(f"{error.message}, after part of it had been read", error.hint) from error
            if fetching.spec.on_missing == "fail" and not shard.optional:
                raise
            reason = error.message.removeprefix(f"{shard.name}: ")
            fetching.emit(ShardSkipped(shard.name, reason))
            await fetching.skip(shard, reason)
        else:
            fetching.emit(ShardFetched(shard.order, shard.name, tasks))


async def _fetch_shard(shard: Shard, fetching: Fetching, outgoing: Outgoing) -> int:
    if is_url(shard.location):
        streamed = await send_stream(shard, shard, fetching, outgoing)
        shard, tasks = streamed.shard, await send_rest(streamed, fetching, outgoing)
    else:
        tasks = await send_file(shard, shard, fetching, outgoing)
    fetching.end(shard, tasks)
    return tasks
