"""The beginning of a shard, to infer types from and to show what a job would do: its first decoded megabyte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from typing import Final

from pipeline.codecs.cut import Cut
from pipeline.codecs.decoding import Decoding
from pipeline.codecs.detect import PREFIX_BYTES, compression_of
from pipeline.codecs.stored import naming
from pipeline.codecs.whole import cutter_of
from pipeline.fetch.fetching import Fetching
from pipeline.fetch.files import members_of
from pipeline.fetch.patterns import is_url
from pipeline.fetch.retry import retrying
from pipeline.fetch.spool import SpoolFile, spooled
from pipeline.fetch.streams import batches_of, chained
from pipeline.fetch.threads import in_steps, in_thread
from pipeline.model import ChunkBytes, ChunkId, RowGroups, Shard

SAMPLE_BYTES: Final = 1 << 20

MOST_PASSED_OVER: Final = 32
"""Shards, or members of an archive, without a record that are looked into for one to infer types from: each may be a
request."""


async def sample(shard: Shard, fetching: Fetching) -> ChunkBytes | str:
    """The records that start in the first `SAMPLE_BYTES` of the shard, at least one if it has any, and its header; of
    a parquet file a path to it, which may be a copy in the work folder. Of an archive: of its first member with a
    record.

    Reads no further than it must. Raises and retries as the stage does. Cancelled: connections and files are closed.
    """
    quiet = replace(fetching, emit=lambda _: None)  # the run fetches it again, and counts it then

    async def attempt() -> ChunkBytes | str:
        return await _sample_at(shard, shard, quiet)

    return await retrying(attempt, fetching.spec.retry, shard.name, fetching.emit)


def has_record(begin: ChunkBytes) -> bool:
    """There is more than a header and blank lines."""
    return bool(begin.data.strip())


async def _sample_at(shard: Shard, at: Shard, fetching: Fetching) -> ChunkBytes | str:
    spec = fetching.spec
    async with fetching.open(at) as opened:
        batches = batches_of(opened.body)
        first = await anext(batches, b"")
        compression = compression_of(first[:PREFIX_BYTES], at.member or shard.name, spec.compression)
        if compression != "zip" and not isinstance(spec.framing, RowGroups):
            return await _first_chunk(shard, compression, chained([first], batches), fetching)
        if compression == "none" and not is_url(at.location) and at.member is None:
            return at.location
        file = await spooled(shard, chained([first], batches), compression, fetching)
    if compression != "zip":
        return file.keep()
    with closing(file):
        return await _sample_archive(shard, file, fetching)


async def _sample_archive(shard: Shard, file: SpoolFile, fetching: Fetching) -> ChunkBytes | str:
    with naming(shard):
        members = await in_thread(fetching.threads, members_of, shard, file.path)
    empty: list[ChunkBytes] = []
    for member in members[:MOST_PASSED_OVER]:
        begin = await _sample_at(member, replace(member, location=file.path, version=None), fetching)
        if isinstance(begin, str) or has_record(begin):
            return begin
        empty.append(begin)
    return next((begin for begin in empty if begin.header is not None), _chunk(shard, None, None))


async def _first_chunk(shard: Shard, compression: str, batches: AsyncIterator[bytes], fetching: Fetching) -> ChunkBytes:
    assert not isinstance(fetching.spec.framing, RowGroups)
    decoding = Decoding(compression, fetching.spec.encoding, cutter_of(fetching.spec.framing, SAMPLE_BYTES))
    with naming(shard):
        async for batch in batches:
            if cut := await in_steps(fetching.threads, decoding.steps(batch)):
                return _chunk(shard, cut, decoding.header)
        cut = await in_steps(fetching.threads, decoding.finish())
    return _chunk(shard, cut, decoding.header)


def _chunk(shard: Shard, cut: Cut | None, header: bytes | None) -> ChunkBytes:
    cut = cut or Cut(0, (), 0, 0, 1)
    return ChunkBytes(
        ChunkId(shard.order, 0), shard.name, cut.data, cut.first_byte, cut.first_line, header, cut.oversize
    )
