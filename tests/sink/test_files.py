"""The file sink: its contract, and what only files have: links, rights, folders, devices."""

import asyncio
import itertools
import json
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.errors import Busy, OutputError
from pipeline.model import ChunkId, Segment
from pipeline.protocols import Written
from pipeline.sink.files import FileSink
from pipeline.testing.sinks import SinkContract
from pipeline.testing.steps import Step, StepDisk, Steps, cancel, concatenating_join, fault
from pipeline.testing.stream_sinks import NEW, OLD, commit


def lines(rows: Sequence[int]) -> bytes:
    return b"".join(b"%d\n" % row for row in rows)


def segment(folder: Path, number: int, rows: Sequence[int]) -> Segment:
    path = folder / "work" / f"{number}.segment"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lines(rows))
    return Segment(str(path), len(rows), path.stat().st_size)


def file_sink(path: Path, step: Step, run: str = "run-7") -> FileSink:
    return FileSink(str(path), concatenating_join(step), job="flights", run=run, disk=StepDisk(step))


class TestFileSink(SinkContract):
    runs = itertools.count()

    def sink(self, folder: Path, step: Step) -> FileSink:
        return file_sink(folder / "result.ndjson", step, f"run-{next(self.runs)}")

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
        sink = file_sink(tmp_path / "result.ndjson", steps)
        await self.fill(tmp_path, sink, [NEW])
        await sink.prepare()
        steps("show")
        await sink.show()
        assert steps.names == [
            "sync file .result.ndjson.pipeline.lock",
            "sync file 0.segment",
            "sync folder work",
            "join .result.ndjson.run-7.tmp",
            "sync file .result.ndjson.run-7.tmp",
            "show",
            "rename .result.ndjson.run-7.tmp to result.ndjson",
            f"sync folder {tmp_path.name}",
            "remove .result.ndjson.pipeline.lock",
        ]

    async def test_a_cancelled_show_ends_only_once_the_disk_has(self, tmp_path: Path) -> None:
        """Whoever has seen the cancellation sees no change of the output after it."""
        loop = asyncio.get_running_loop()
        shows: list[asyncio.Task[Written]] = []
        ended: list[bool] = []

        def step(name: str) -> None:
            if shows and name == "rename .result.ndjson.run-7.tmp to result.ndjson":
                cancel(shows[0], loop)
                ended.append(shows[0].done())
            elif ended:
                ended.append(shows[0].done())

        sink = file_sink(tmp_path / "result.ndjson", step)
        await self.fill(tmp_path, sink, [NEW])
        await sink.prepare()
        shows.append(asyncio.create_task(sink.show()))
        with pytest.raises(asyncio.CancelledError):
            await shows[0]
        assert ended == [False, False, False]
        assert self.seen(tmp_path) == NEW

    async def test_whoever_is_at_the_output_is_named(self, tmp_path: Path) -> None:
        """The message says which job of which process to wait for, also while its output is being joined."""
        first = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, first, [NEW])
        await first.prepare()
        second = self.sink(tmp_path, Steps())
        with pytest.raises(Busy, match=rf"another run is writing this file \(job flights, process {os.getpid()}\)"):
            await second.open()
        await second.abort()
        await first.show()
        assert self.seen(tmp_path) == NEW
        assert self.leftovers(tmp_path) == []

    async def test_two_names_of_one_file_are_two_sinks_too_many(self, tmp_path: Path) -> None:
        """A link leads a second sink of the job to the file of the first: the later result would win."""
        (tmp_path / "link").symlink_to("result.ndjson")
        first, second = (file_sink(tmp_path / name, Steps()) for name in ("result.ndjson", "link"))
        await first.open()
        with pytest.raises(OutputError, match="two sinks of this job write this file"):
            await second.open()
        await second.abort()
        await first.abort()

    async def test_a_folder_that_goes_meanwhile_is_told(self, tmp_path: Path) -> None:
        """The words of the system alone would leave the user to guess."""
        sink = file_sink(tmp_path / "out" / "result", Steps())
        await sink.open()
        shutil.rmtree(tmp_path / "out")
        with pytest.raises(OutputError, match=r"No such file or directory\n.*has gone since the run began"):
            await sink.prepare()
        await sink.abort()

    async def test_a_folder_made_meanwhile_is_found_by_prepare(self, tmp_path: Path) -> None:
        """A rename over a folder fails; nothing that can be known before it may fail after the first show."""
        sink = self.sink(tmp_path, Steps())
        await self.fill(tmp_path, sink, [NEW])
        (tmp_path / "result.ndjson").mkdir()
        with pytest.raises(OutputError, match="the output is a folder"):
            await sink.prepare()
        await sink.abort()

    async def test_a_temporary_file_that_will_not_go_is_left_to_the_next_run(self, tmp_path: Path) -> None:
        """Its lock file stays with it, and names it."""

        def refuse(name: str) -> None:
            if name.startswith("remove") and name.endswith(".tmp"):
                fault(name)

        sink = self.sink(tmp_path, refuse)
        await self.fill(tmp_path, sink, [NEW])
        await sink.prepare()
        await sink.abort()
        assert len(self.leftovers(tmp_path)) == 2
        await self.put(tmp_path, [OLD])
        assert self.leftovers(tmp_path) == []

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
            await sink.prepare()
        await sink.abort()
        assert self.seen(tmp_path) is None

    async def test_an_error_of_the_join_speaks_of_the_output(self, tmp_path: Path) -> None:
        """The hidden name means nothing to the user."""

        async def full(_: Sequence[str], path: str) -> None:
            raise OutputError(f"{path}: cannot be written: No space left on device", "Free some.")

        sink = FileSink(str(tmp_path / "result"), full, job="j", run="r")
        await sink.open()
        with pytest.raises(OutputError) as caught:
            await sink.prepare()
        await sink.abort()
        assert str(caught.value) == f"{tmp_path}/result: cannot be written: No space left on device\n  Free some."

    async def test_a_cancelled_join_leaves_nothing(self, tmp_path: Path) -> None:
        """Cancelled while a worker joins: the half file goes."""
        begun = asyncio.Event()

        async def endless(_: Sequence[str], path: str) -> None:
            await asyncio.to_thread(Path(path).write_bytes, b"half")
            begun.set()
            await asyncio.Event().wait()

        await self.put(tmp_path, [OLD])
        sink = FileSink(str(tmp_path / "result.ndjson"), endless, job="j", run="r")
        await self.fill(tmp_path, sink, [NEW])
        prepare = asyncio.create_task(sink.prepare())
        await begun.wait()
        prepare.cancel()
        with pytest.raises(asyncio.CancelledError):
            await prepare
        await sink.abort()
        assert self.seen(tmp_path) == OLD
        assert self.leftovers(tmp_path) == []


async def test_folders_are_made_and_rights_follow_the_umask(tmp_path: Path) -> None:
    """An output is a file like any other the user makes, not a private one."""
    old = os.umask(0o027)
    try:
        sink = file_sink(tmp_path / "a" / "b" / "result", Steps())
        await sink.open()
        (written,) = await commit(sink)
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
    await commit(sink)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_bytes() == lines(NEW)
    assert os.listdir(tmp_path / "there") == ["real"]


def test_the_representation_is_a_status_line(tmp_path: Path) -> None:
    """What is logged about a sink tells its state."""
    assert repr(file_sink(tmp_path / "x", Steps())) == f"<FileSink {tmp_path}/x [open, 0 segments]>"
