"""Asks servers which URLs have changed since the journal saw them, without fetching what has not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, TypeAlias

from pipeline.errors import InputMissing
from pipeline.events import ShardSkipped
from pipeline.fetch.patterns import is_url
from pipeline.fetch.retry import RetryPolicy, retrying
from pipeline.model import Shard
from pipeline.protocols import Emit

Ask: TypeAlias = Callable[[Shard], Awaitable[str | None]]
"""`HttpSource.version_now`."""


async def survey(
    shards: Sequence[Shard],
    known: Mapping[str, str],
    ask: Ask,
    emit: Emit,
    *,
    concurrency: int,
    retry: RetryPolicy,
    on_missing: Literal["fail", "skip"],
) -> tuple[Shard, ...]:
    """The shards in their order; each URL that `known` has a version of, by its location, with the version that it has
    now: the same one where nothing has changed, None where the server tells none any more. Files and other URLs are
    given back as they are, nobody is asked. URLs that are gone are left out, and told of, where they are to be skipped.

    Raises, in an exception group, what `ask` raises. Cancelled: requests under way are given up.
    """
    found: list[Shard | None] = list(shards)
    waiting = (at for at, shard in enumerate(shards) if is_url(shard.location) and shard.location in known)

    async def ask_each() -> None:
        for at in waiting:  # one iterator for all: whoever is free takes the next
            shard = replace(shards[at], version=known[shards[at].location])
            try:
                version = await retrying(partial(ask, shard), retry, shard.name, emit)
            except InputMissing as error:
                if on_missing == "fail" and not shard.optional:
                    raise
                emit(ShardSkipped(shard.name, error.message.removeprefix(f"{shard.name}: ")))
                found[at] = None
            else:
                found[at] = replace(shard, version=version)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(ask_each())
    return tuple(shard for shard in found if shard is not None)
