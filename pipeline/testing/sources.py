"""SourceContract: what a source promises. Subclass, fill in what is abstract, inherit the tests.

A source without its suite tends to pass on a body that arrives whole: the suite gives it empty bodies, large ones,
odd names, objects that are gone, and readers that leave early.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import InputMissing
from pipeline.model import Shard
from pipeline.protocols import Source

LARGE = bytes(range(256)) * 12_000
BODIES: Mapping[str, bytes] = {"a 1.csv": b"1,2\n", "b.bin": LARGE, "empty": b"", "c.csv.gz": b"\x1f\x8b no gzip"}


class SourceContract(ABC):
    """What `protocols.Source` promises."""

    @abstractmethod
    def serving(self, folder: Path, bodies: Mapping[str, bytes]) -> AbstractAsyncContextManager[list[str]]:
        """Makes the bodies available; gives the names under which a source finds them, in the same order. At the end
        nothing may be left open by a reader."""

    @abstractmethod
    def source(self, names: list[str]) -> AbstractAsyncContextManager[Source]:
        """A source for these names; leaving the context closes what it owns."""

    async def listed(self, names: list[str]) -> list[Shard]:
        async with self.source(names) as source:
            return [shard async for shard in source.list()]

    async def test_shards_are_listed_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        """Canonical order is numbered through, and the same at every listing."""
        async with self.serving(tmp_path, BODIES) as names:
            shards = await self.listed(names)
            assert [shard.location for shard in shards] == names
            assert [shard.order for shard in shards] == [(n,) for n in range(len(names))]
            assert await self.listed(names) == shards

    async def test_shards_pickle_and_their_names_are_text(self, tmp_path: Path) -> None:
        """They cross to the workers, and people read them."""
        async with self.serving(tmp_path, BODIES) as names:
            shards = await self.listed(names)
            assert pickle.loads(pickle.dumps(shards)) == shards  # noqa: S301 - our own
            assert all(shard.name.encode("utf-8") for shard in shards)

    async def test_an_open_shard_gives_its_bytes_as_stored(self, tmp_path: Path) -> None:
        """Whole, unaltered, compressed or not; again at a second opening; and many at once."""
        async with self.serving(tmp_path, BODIES) as names, self.source(names) as source:
            shards = [shard async for shard in source.list()]

            async def read(shard: Shard) -> bytes:
                async with source.open(shard) as opened:
                    return b"".join([piece async for piece in opened.body])

            for _ in range(2):
                assert await asyncio.gather(*map(read, shards)) == list(BODIES.values())

    async def test_versions_are_text_and_those_of_one_content_are_equal(self, tmp_path: Path) -> None:
        """A listing's version, where it has one, is that of what is opened; and the next opening's the same."""
        async with self.serving(tmp_path, BODIES) as names, self.source(names) as source:
            async for shard in source.list():
                for _ in range(2):
                    async with source.open(shard) as opened:
                        version = opened.version
                    assert shard.version in {None, version}
                    assert version is None or version.isprintable()
                    shard = replace(shard, version=version)  # noqa: PLW2901 - as the stage does

    async def test_what_is_gone_is_missing_and_named(self, tmp_path: Path) -> None:
        """InputMissing, at the listing or at the opening, with the shard's name first."""
        async with self.serving(tmp_path, BODIES) as names, self.source([f"{names[0]}-gone"]) as source:

            async def read_all() -> None:
                async for shard in source.list():
                    async with source.open(shard) as opened:
                        assert [piece async for piece in opened.body]

            with pytest.raises(InputMissing, match=r"a( |%20)1\.csv-gone: "):
                await read_all()

    async def test_a_reader_may_leave_early_or_be_cancelled(self, tmp_path: Path) -> None:
        """Leaving the context closes file or connection, wherever the reader was."""
        async with self.serving(tmp_path, BODIES) as names, self.source([names[1]]) as source:
            (shard,) = [shard async for shard in source.list()]
            before = open_descriptors()

            async def read_one_piece() -> None:
                async with source.open(shard) as opened:
                    assert await anext(opened.body)
                    reading.set()
                    await asyncio.Event().wait()

            async with source.open(shard) as opened:
                assert await anext(opened.body)
            reading = asyncio.Event()
            task = asyncio.create_task(read_one_piece())
            await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await settled()
            assert open_descriptors() <= before

    async def test_cancelling_at_any_step_leaves_nothing_open(self, tmp_path: Path) -> None:
        """Cancelled after each possible number of turns of the loop, from before the opening to the end."""
        async with self.serving(tmp_path, BODIES) as names, self.source([names[1]]) as source:
            (shard,) = [shard async for shard in source.list()]

            async def read() -> int:
                async with source.open(shard) as opened:
                    return sum([len(piece) async for piece in opened.body])

            assert await read() == len(LARGE)
            await settled()
            before = open_descriptors()
            for turns in range(40):
                task = asyncio.create_task(read())
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            await settled()
            assert open_descriptors() <= before


async def settled() -> None:
    """Lets transports that are closing close: they do so in later turns of the loop."""
    gc.collect()
    for _ in range(20):
        await asyncio.sleep(0.001)


def open_descriptors() -> int:
    """Of this process."""
    return len(os.listdir("/proc/self/fd"))
