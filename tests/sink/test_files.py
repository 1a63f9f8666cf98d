"""The file sink: its contract, and what only files have: links, rights, folders, devices."""

import asyncio
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Written
from pipeline.sink.files import FileSink
from pipeline.testing.sinks import NEW, OLD, SinkContract
from pipeline.testing.steps import Step, StepDisk, Steps, cancel, concatenating_join


def lines(rows: Sequence[int]) -> bytes:
    return b"".join(b"%d\n" % row for row in rows)


def segment(folder: Path, number: int, rows: Sequence[int]) -> Segment:
    path = folder / "work" / f"{number}.segment"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lines(rows))
    return Segment(str(path), len(rows), path.stat().st_size)


def file_sink(path: Path, step: Step) -> FileSink:
    work = path.parent / "work"
    return FileSink(str(path), concatenating_join(step), run="run-7", work=str(work), disk=StepDisk(step))


class TestFileSink(SinkContract):
    def sink(self, folder: Path, step: Step) -> FileSink:
        return file_sink(folder / "result.ndjson", step)

    def segment(self, folder: Path, number: int, rows: Sequence[int]) -> Segment:
        return segment(folder, number, rows)

    def seen(self, folder: Path) -> list[int] | None:
        path = folder / "result.ndjson"
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else None

    def leftovers(self, folder: Path) -> list[str]:
        return [path.name for path in folder.iterdir() if path.name not in {"result.ndjson", "work"}]

    def make_unwritable(self, folder: Path) -> None:
        (folder / "result.ndjson").mkdir()

    async def test_the_steps_of_a_commit_are_the_durable_ones(self, tmp_path: Path) -> None:
        """The bytes, then the name, then the folder that holds the name: the order that survives a power cut."""
        steps = Steps()
        await self.put(tmp_path, [NEW], steps)
        assert steps.names == [
            "sync file .result.ndjson.run-7.probe.tmp",
            "rename .result.ndjson.run-7.probe.tmp to .result.ndjson.run-7.tmp",
            "remove .result.ndjson.run-7.tmp",
            "sync file 0.segment",
            "sync folder work",
            "join .result.ndjson.run-7.tmp",
            "sync file .result.ndjson.run-7.tmp",
            "rename .result.ndjson.run-7.tmp to result.ndjson",
            f"sync folder {tmp_path.name}",
        ]

    async def test_a_cancelled_commit_ends_only_once_the_disk_has(self, tmp_path: Path) -> None:
        """Whoever has seen the cancellation sees no change of the output after it."""
        loop = asyncio.get_running_loop()
        commits: list[asyncio.Task[Written]] = []
        ended: list[bool] = []

        def step(name: str) -> None:
            if commits and name == "rename .result.ndjson.run-7.tmp to result.ndjson":
                cancel(commits[0], loop)
                ended.append(commits[0].done())
            elif ended:
                ended.append(commits[0].done())

        sink = self.sink(tmp_path, step)
        await self.fill(tmp_path, sink, [NEW])
        commits.append(asyncio.create_task(sink.commit()))
        with pytest.raises(asyncio.CancelledError):
            await commits[0]
        assert ended == [False, False]
        assert self.seen(tmp_path) == NEW

    async def test_a_failed_sync_is_not_tried_again(self, tmp_path: Path) -> None:
        """After a failed fsync a second one may succeed with the data gone, so the file is thrown away instead."""

        def refuse(name: str) -> None:
            if name.startswith("sync file 0"):
                steps.append(name)
                raise OSError(5, "Input/output error")

        steps: list[str] = []
        sink = self.sink(tmp_path, refuse)
        await sink.open()
        made = self.segment(tmp_path, 0, NEW)
        with pytest.raises(OutputError, match="Input/output error"):
            await sink.write(ChunkId((0,), 0), made)
        await sink.abort()
        assert len(steps) == 1
        assert os.listdir(tmp_path / "work") == []

    async def test_a_segment_that_changed_is_refused(self, tmp_path: Path) -> None:
        """What is joined is what was written, or nothing is shown."""
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [NEW])
        self.segment(tmp_path, 0, [*NEW, 6])
        with pytest.raises(OutputError, match=r"0\.segment: has 12 bytes, and had 10"):
            await sink.commit()
        assert self.seen(tmp_path) is None

    async def test_an_error_of_the_join_speaks_of_the_output(self, tmp_path: Path) -> None:
        """The hidden name means nothing to the user."""

        async def full(_: Sequence[str], path: str) -> None:
            raise OutputError(f"{path}: cannot be written: No space left on device", "Free some.")

        sink = FileSink(str(tmp_path / "result"), full, run="r", work=str(tmp_path))
        await sink.open()
        with pytest.raises(OutputError) as caught:
            await sink.commit()
        assert str(caught.value) == f"{tmp_path}/result: cannot be written: No space left on device\n  Free some."

    async def test_a_cancelled_join_leaves_nothing(self, tmp_path: Path) -> None:
        """Cancelled while a worker joins: the half file goes."""
        begun = asyncio.Event()

        async def endless(_: Sequence[str], path: str) -> None:
            await asyncio.to_thread(Path(path).write_bytes, b"half")
            begun.set()
            await asyncio.Event().wait()

        await self.put(tmp_path, [OLD])
        sink = FileSink(str(tmp_path / "result.ndjson"), endless, run="r", work=str(tmp_path / "work"))
        await self.fill(tmp_path, sink, [NEW])
        commit = asyncio.create_task(sink.commit())
        await begun.wait()
        commit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await commit
        assert self.seen(tmp_path) == OLD
        assert self.leftovers(tmp_path) == []


async def test_folders_are_made_and_rights_follow_the_umask(tmp_path: Path) -> None:
    """An output is a file like any other the user makes, not a private one."""
    old = os.umask(0o027)
    try:
        sink = file_sink(tmp_path / "a" / "b" / "result", Steps())
        await sink.open()
        (tmp_path / "a" / "b" / "work").mkdir()
        written = await sink.commit()
    finally:
        os.umask(old)
    assert (written.rows, written.bytes) == (0, 0)
    assert stat.S_IMODE((tmp_path / "a" / "b" / "result").stat().st_mode) == 0o640


async def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """What the link points to is replaced, atomically and in its own folder."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real").write_text("old")
    (tmp_path / "link").symlink_to("there/real")
    sink = file_sink(tmp_path / "link", Steps())
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    await sink.commit()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_bytes() == lines(NEW)
    assert os.listdir(tmp_path / "there") == ["real"]


async def test_a_device_is_written_in_place(tmp_path: Path) -> None:
    """/dev/null must survive being an output."""
    sink = FileSink("/dev/null", concatenating_join(Steps()), run="r", work=str(tmp_path))
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    written = await sink.commit()
    assert written.rows == len(NEW)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["work"]


async def test_a_fifo_gets_the_result_once_somebody_reads(tmp_path: Path) -> None:
    """A FIFO is written in place, at commit."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sink = file_sink(fifo, Steps())
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    read, _ = await asyncio.gather(asyncio.to_thread(fifo.read_bytes), sink.commit())
    assert read == lines(NEW)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


async def test_waiting_for_a_reader_can_be_cancelled(tmp_path: Path) -> None:
    """Nobody reads the FIFO: Ctrl-C still ends the run."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sink = file_sink(fifo, Steps())
    (tmp_path / "work").mkdir()
    await sink.open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await sink.commit()
    assert sorted(os.listdir(tmp_path)) == ["fifo", "work"]
    assert os.listdir(tmp_path / "work") == []


def test_the_representation_is_a_status_line(tmp_path: Path) -> None:
    """What is logged about a sink tells its state."""
    assert repr(file_sink(tmp_path / "x", Steps())) == f"<FileSink {tmp_path}/x [open, 0 segments]>"
