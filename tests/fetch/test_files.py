"""Local files as a source."""

from __future__ import annotations

import os
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.errors import CorruptInput, InputMissing, InputRefused
from pipeline.events import Event, ShardSkipped
from pipeline.fetch.files import FileSource
from pipeline.model import Shard
from pipeline.protocols import Source
from pipeline.testing.sources import SourceContract


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


class TestFileSource(SourceContract):
    """The contract, on files."""

    @asynccontextmanager
    async def serving(self, folder: Path, bodies: Mapping[str, bytes]) -> AsyncIterator[list[str]]:
        for name, body in bodies.items():
            (folder / name).write_bytes(body)
        yield [str(folder / name) for name in bodies]

    @asynccontextmanager
    async def source(self, names: list[str]) -> AsyncIterator[Source]:
        with ThreadPoolExecutor(2) as threads:
            yield FileSource(names, threads=threads, emit=lambda _: None)


async def listed(
    threads: ThreadPoolExecutor, *names: str, events: list[Event] | None = None, **options: object
) -> list[Shard]:
    source = FileSource(names, threads=threads, emit=(events or []).append, **options)  # type: ignore[arg-type]
    if events is not None:
        source = FileSource(names, threads=threads, emit=events.append, **options)  # type: ignore[arg-type]
    return [shard async for shard in source.list()]


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x\n")


async def test_globs_are_sorted_as_people_count(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """part2 comes before part10, at every level."""
    make(tmp_path, "d2/part10.csv", "d2/part2.csv", "d10/part1.csv", "d2/x.txt")
    shards = await listed(threads, f"{tmp_path}/**/*.csv")
    assert [Path(shard.location).relative_to(tmp_path).as_posix() for shard in shards] == [
        "d2/part2.csv",
        "d2/part10.csv",
        "d10/part1.csv",
    ]


async def test_globs_take_files_that_are_not_hidden(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """As shells do: no folders, nothing that begins with a dot, unless the pattern does."""
    make(tmp_path, "a.csv", ".hidden.csv", ".git/b.csv", "folder.csv/c.txt")
    assert [shard.name for shard in await listed(threads, f"{tmp_path}/**/*.csv")] == [f"{tmp_path}/a.csv"]
    assert [shard.name for shard in await listed(threads, f"{tmp_path}/.*.csv")] == [f"{tmp_path}/.hidden.csv"]


async def test_what_the_job_writes_is_never_its_input(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """Files, and all that is in folders, also by way of a link."""
    make(tmp_path, "in.csv", "out.csv", "state/run/seg.csv", "state2/in.csv")
    (tmp_path / "link").symlink_to(tmp_path / "state")
    own = frozenset({f"{tmp_path}/out.csv", f"{tmp_path}/state"})
    shards = await listed(threads, f"{tmp_path}/**/*.csv", own=own)
    assert [shard.name for shard in shards] == [f"{tmp_path}/in.csv", f"{tmp_path}/state2/in.csv"]


async def test_a_glob_without_a_match_is_missing(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """An error, under either policy: it names the pattern."""
    for policy in ("fail", "skip"):
        with pytest.raises(InputMissing, match=r"\*\.csv: no file matches"):
            await listed(threads, f"{tmp_path}/*.csv", on_missing=policy)


async def test_a_literal_that_is_gone_follows_the_policy(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """fail: InputMissing. skip: told of, and the order has no gap."""
    make(tmp_path, "a.csv")
    names = (f"{tmp_path}/gone.csv", f"{tmp_path}/a.csv")
    with pytest.raises(InputMissing, match=r"gone\.csv: no such file"):
        await listed(threads, *names)
    events: list[Event] = []
    (shard,) = await listed(threads, *names, events=events, on_missing="skip")
    assert shard.order == (0,)
    assert events == [ShardSkipped(names[0], "no such file")]


async def test_a_name_with_the_signs_of_a_glob_may_be_a_file(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """A file of exactly this name goes before a pattern."""
    make(tmp_path, "data[1].csv", "data1.csv")
    assert [shard.name for shard in await listed(threads, f"{tmp_path}/data[1].csv")] == [f"{tmp_path}/data[1].csv"]


async def test_names_that_are_no_text_work(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """Names are bytes; what people see shows the odd ones."""
    make(tmp_path, os.fsdecode(b"b\xff.csv"))
    source = FileSource([f"{tmp_path}/*.csv"], threads=threads, emit=lambda _: None)
    (shard,) = [shard async for shard in source.list()]
    assert shard.name.endswith(r"/b\xff.csv")
    async with source.open(shard) as opened:
        assert [piece async for piece in opened.body] == [b"x\n"]


async def test_what_is_no_file_is_refused(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """A folder or a pipe as a literal name: said at once, not waited for, and of a folder the glob to give instead."""
    folder = tmp_path / "data[1]"
    make(folder, "a.csv")
    for name in (f"{folder}", f"{folder}/"):
        with pytest.raises(InputRefused) as caught:
            await listed(threads, name)
        assert caught.value.message == f"{name}: is a folder"
        pattern = caught.value.hint.removeprefix("To read the files in it, give ")
        assert [shard.name for shard in await listed(threads, pattern)] == [f"{folder}/a.csv"]
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputRefused, match="no regular file"):
        await listed(threads, f"{tmp_path}/pipe")


async def test_members_of_an_archive_are_shards(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """In the archive's order, below its place in the canonical order; folders are none. Their sizes are those that they
    have in the archive: together no more than it has."""
    make(tmp_path, "z.csv")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("sub")
        archive.writestr("sub/2.csv", b"two\n" * 100_000)
        archive.writestr("1.csv", b"one\n")
        packed = [archive.getinfo(name).compress_size for name in ("sub/2.csv", "1.csv")]
    source = FileSource([f"{tmp_path}/a.zip", f"{tmp_path}/z.csv"], threads=threads, emit=lambda _: None)
    shards = [shard async for shard in source.list()]
    assert [(shard.order, shard.name.removeprefix(str(tmp_path)), shard.member, shard.size) for shard in shards] == [
        ((0, 0), "/a.zip/sub/2.csv", "sub/2.csv", packed[0]),
        ((0, 1), "/a.zip/1.csv", "1.csv", packed[1]),
        ((1,), "/z.csv", None, 2),
    ]
    async with source.open(shards[0]) as opened:
        assert b"".join([piece async for piece in opened.body]) == b"two\n" * 100_000


async def test_an_archive_that_is_damaged_is_refused_at_the_listing(
    tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    """Cut, and so without its directory; content, not name, says what is an archive."""
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CorruptInput, match=r"a\.zip: the zip archive is damaged"):
        await listed(threads, f"{tmp_path}/a.zip")
    (tmp_path / "a.zip").write_bytes(b"plain text, misnamed\n")
    (shard,) = await listed(threads, f"{tmp_path}/a.zip")
    assert shard.member is None


async def test_a_file_that_changed_is_told_at_the_end(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """By size, mtime and ctime; a file that is gone has changed; reading on says so too."""
    make(tmp_path, "a.csv")
    source = FileSource([f"{tmp_path}/a.csv"], threads=threads, emit=lambda _: None)
    (shard,) = [shard async for shard in source.list()]
    assert await source.unchanged(shard)
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    assert not await source.unchanged(shard)
    with pytest.raises(InputRefused, match=r"a\.csv: changed while it was read"):
        async with source.open(shard) as opened:
            assert [piece async for piece in opened.body]
    (tmp_path / "a.csv").unlink()
    assert not await source.unchanged(shard)


@pytest.mark.parametrize("way", ["written over", "moved over"])
async def test_a_change_that_sets_the_mtime_back_is_a_change(
    tmp_path: Path, threads: ThreadPoolExecutor, way: str
) -> None:
    """As cp -p, tar and rsync -t do: of the same size, with the old mtime. The listing sees another version too."""
    make(tmp_path, "a.csv", "b.csv")
    source = FileSource([f"{tmp_path}/a.csv"], threads=threads, emit=lambda _: None)
    (shard,) = [shard async for shard in source.list()]
    before = (tmp_path / "a.csv").stat()
    target = tmp_path / ("a.csv" if way == "written over" else "b.csv")
    while target.stat().st_ctime_ns == before.st_ctime_ns or target.read_bytes() != b"y\n":
        target.write_bytes(b"y\n")
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    target.rename(tmp_path / "a.csv")
    assert not await source.unchanged(shard)
    assert [now.version for now in await listed(threads, f"{tmp_path}/a.csv")] != [shard.version]
