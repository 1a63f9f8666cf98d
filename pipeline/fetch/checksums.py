"""Checksums of local files: what tells one content from the next where times are not to be trusted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from typing import Final

from pipeline.codecs.stored import naming, refused
from pipeline.errors import InputMissing
from pipeline.fetch.patterns import is_url
from pipeline.fetch.threads import in_steps
from pipeline.model import Shard

STEP_BYTES: Final = 16 << 20
"""Read and summed in one go: some hundredths of a second, which a cancellation waits for."""


async def with_checksums(shards: Sequence[Shard], threads: Executor) -> tuple[Shard, ...]:
    """The shards in their order, those in local files with the SHA-256 of their file; an archive is read once for all
    its members. A file that is gone by now has none: whoever reads it finds out.

    Raises InputRefused for a file that cannot be read. Cancelled: the reads under way end first, one step each.
    """
    first = {shard.location: shard for shard in reversed(shards) if not is_url(shard.location)}
    sums = await asyncio.gather(*(_checksum(shard, threads) for shard in first.values()))
    found = dict(zip(first, sums, strict=True))
    return tuple(replace(shard, checksum=found.get(shard.location)) for shard in shards)


async def _checksum(shard: Shard, threads: Executor) -> str | None:
    with closing(_steps(shard.location)) as steps:
        try:
            with naming(shard):
                return await in_steps(threads, steps)
        except InputMissing:
            return None


def _steps(path: str) -> Generator[str | None, None, None]:
    sha256 = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(STEP_BYTES):
                sha256.update(block)
                yield None
    except OSError as error:
        raise refused(error) from error
    yield f"sha256 {sha256.hexdigest()}"
