"""Devices and FIFOs: written in place, once everything is ready."""

import asyncio
import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.sink.devices import DeviceSink
from pipeline.testing.steps import Step, StepDisk, Steps, concatenating_join
from pipeline.testing.stream_sinks import NEW, StreamContract, commit


def lines(rows: Sequence[int]) -> bytes:
    return b"".join(b"%d\n" % row for row in rows)


def segment(folder: Path, number: int, rows: Sequence[int]) -> Segment:
    path = folder / f"{number}.segment"
    path.write_bytes(lines(rows))
    return Segment(str(path), len(rows), path.stat().st_size)


def device_sink(path: Path, work: Path) -> DeviceSink:
    return DeviceSink(str(path), concatenating_join(Steps()), spool=str(work / "device-0"))


class TestDeviceSink(StreamContract):
    """A FIFO with a reader at the other end."""

    @pytest.fixture(autouse=True)
    def _readers(self) -> Iterator[None]:
        self.readers: dict[Path, int] = {}
        self.read: dict[Path, bytes] = {}
        yield
        for reader in self.readers.values():
            os.close(reader)

    def sink(self, folder: Path, step: Step) -> DeviceSink:
        fifo = folder / "fifo"
        if folder not in self.readers:
            os.mkfifo(fifo)
            self.readers[folder] = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        return DeviceSink(str(fifo), concatenating_join(step), spool=str(folder / "device-0"), disk=StepDisk(step))

    def segment(self, folder: Path, number: int, rows: Sequence[int]) -> Segment:
        return segment(folder, number, rows)

    def seen(self, folder: Path) -> list[int] | None:
        with contextlib.suppress(BlockingIOError):
            self.read[folder] = self.read.get(folder, b"") + os.read(self.readers[folder], 10_000)
        return [int(line) for line in self.read.get(folder, b"").splitlines()]

    def leftovers(self, folder: Path) -> list[str]:
        return [path.name for path in folder.iterdir() if path.name != "fifo" and path.suffix != ".segment"]

    def make_unwritable(self, folder: Path) -> None:
        self.sink(folder, Steps())
        (folder / "fifo").unlink()


async def test_a_device_is_written_in_place(tmp_path: Path) -> None:
    """/dev/null must survive being an output."""
    sink = device_sink(Path("/dev/null"), tmp_path)
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    (written,) = await commit(sink)
    assert written.rows == len(NEW)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert os.listdir(tmp_path) == ["0.segment"]


async def test_a_fifo_gets_the_result_once_somebody_reads(tmp_path: Path) -> None:
    """A FIFO is written in place, when shown."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sink = device_sink(fifo, tmp_path)
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    read, _ = await asyncio.gather(asyncio.to_thread(fifo.read_bytes), commit(sink))
    assert read == lines(NEW)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


async def test_waiting_for_a_reader_can_be_cancelled(tmp_path: Path) -> None:
    """Nobody reads the FIFO: Ctrl-C still ends the run."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sink = device_sink(fifo, tmp_path)
    await sink.open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await commit(sink)
    assert os.listdir(tmp_path) == ["fifo"]


async def test_preparing_writes_nothing_to_the_reader(tmp_path: Path) -> None:
    """What cannot be taken back waits until every other output is ready."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = device_sink(fifo, tmp_path)
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    await sink.prepare()
    assert os.read(reader, 100) == b""
    await sink.abort()
    assert os.read(reader, 100) == b""
    os.close(reader)


async def test_a_full_device_is_an_output_error(tmp_path: Path) -> None:
    """/dev/full says what a full disk says; the path is the one configured."""
    sink = device_sink(Path("/dev/full"), tmp_path)
    await sink.open()
    await sink.write(ChunkId((0,), 0), segment(tmp_path, 0, NEW))
    with pytest.raises(OutputError, match="/dev/full: cannot be written: No space left on device"):
        await commit(sink)
    assert os.listdir(tmp_path) == ["0.segment"]
