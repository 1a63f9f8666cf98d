"""The inputs of a job: files and URLs in one order."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, InputMissing
from pipeline.events import Event, ShardSkipped
from pipeline.fetch.inputs import Inputs, InputSpec
from pipeline.testing.server import Server

DAY = dt.date(2026, 11, 22)


async def listed(*inputs: str, events: list[Event] | None = None, **options: object) -> list[tuple[object, str]]:
    emit = (events if events is not None else []).append
    async with Inputs(InputSpec(inputs, DAY, **options), emit) as source:  # type: ignore[arg-type]
        return [(shard.order, shard.name) async for shard in source.list()]


async def test_the_order_is_that_of_the_config(tmp_path: Path) -> None:
    """Inputs as written, braces as expanded, globs sorted, members below their archive; numbered through."""
    for name in ("b2.csv", "b10.csv", "z.csv"):
        (tmp_path / name).write_bytes(b"x\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", b"1")
        archive.writestr("two", b"2")
    found = await listed(
        f"{tmp_path}/z.csv", "https://host/{1..2}-{date:%d}?sig=x", f"{tmp_path}/a.zip", f"{tmp_path}/b*.csv"
    )
    assert [(order, name.removeprefix(str(tmp_path))) for order, name in found] == [
        ((0,), "/z.csv"),
        ((1,), "https://host/1-22"),
        ((2,), "https://host/2-22"),
        ((3, 0), "/a.zip/one"),
        ((3, 1), "/a.zip/two"),
        ((4,), "/b2.csv"),
        ((5,), "/b10.csv"),
    ]


async def test_a_job_without_any_input_is_told(tmp_path: Path) -> None:
    """Also where all that was missing might be skipped."""
    events: list[Event] = []
    with pytest.raises(InputMissing, match="no input was found"):
        await listed(f"{tmp_path}/gone", events=events, on_missing="skip")
    assert events == [ShardSkipped(f"{tmp_path}/gone", "no such file")]


async def test_a_pattern_that_stands_for_too_many_is_a_fault_of_the_config() -> None:
    """Exit 78, not a memory that is full."""
    with pytest.raises(ConfigError, match=r"inputs: .* stands for more than"):
        await listed("https://host/{0..99999}/{0..99999}")


async def test_each_shard_is_opened_by_its_own_source(tmp_path: Path) -> None:
    """Files and URLs through one `open`; files are asked whether they changed, URLs were proved as they came."""
    (tmp_path / "a").write_bytes(b"from a file")
    async with Server({"/a": b"from a server"}) as server:
        spec = InputSpec((f"{tmp_path}/a", server.url("/a")), DAY)
        async with Inputs(spec, lambda _: None) as source:
            bodies = []
            async for shard in source.list():
                async with source.open(shard) as opened:
                    bodies.append(b"".join([piece async for piece in opened.body]))
                assert await source.unchanged(shard)
        assert bodies == [b"from a file", b"from a server"]
