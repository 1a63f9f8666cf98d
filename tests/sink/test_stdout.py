"""Standard output: rows as they complete, a header once, a reader that is slow or gone."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.model import ChunkId, Segment
from pipeline.sink.atomic import output_error
from pipeline.sink.standard_output import ReaderGone
from pipeline.sink.stdout import StdoutSink
from pipeline.testing.steps import Step, concatenating_join
from pipeline.testing.stream_sinks import StreamContract, commit


async def csv_join(segments: Sequence[str], path: str) -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # a join takes its time; others must not overtake the header
    Path(path).write_bytes(b"head\n" + b"".join(Path(segment).read_bytes() for segment in segments))


@pytest.fixture
async def pipe() -> AsyncIterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def segment(folder: Path, data: bytes, rows: int = 1) -> Segment:
    path = folder / f"{len(os.listdir(folder))}.segment"
    path.write_bytes(data)
    return Segment(str(path), rows, len(data))


class TestStdoutSink(StreamContract):
    """Standard output that is redirected into a file."""

    @pytest.fixture(autouse=True)
    def _descriptors(self) -> Iterator[None]:
        self.open: list[int] = []
        self.closed = False
        yield
        for descriptor in self.open:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def sink(self, folder: Path, step: Step) -> StdoutSink:
        descriptor = os.open(folder / "stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.open.append(descriptor)
        if self.closed:
            os.close(descriptor)
        join = concatenating_join(step)
        return StdoutSink("ndjson", join, work=str(folder), alone=True, descriptor=descriptor)

    def segment(self, folder: Path, number: int, rows: Sequence[int]) -> Segment:
        path = folder / f"{number}.segment"
        path.write_bytes(b"".join(b"%d\n" % row for row in rows))
        return Segment(str(path), len(rows), path.stat().st_size)

    def seen(self, folder: Path) -> list[int] | None:
        return [int(line) for line in (folder / "stdout").read_bytes().splitlines()]

    def leftovers(self, folder: Path) -> list[str]:
        return [path.name for path in folder.iterdir() if path.name != "stdout" and path.suffix != ".segment"]

    def make_unwritable(self, folder: Path) -> None:
        self.closed = True


async def test_rows_come_in_completion_order_after_one_header(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """What completes first is seen first, before the run has ended."""
    sink = StdoutSink("csv", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    await sink.open()
    await sink.write(ChunkId((1,), 0), segment(tmp_path, b"second\n"))
    assert os.read(pipe[0], 100) == b"head\nsecond\n"
    await sink.write(ChunkId((0,), 0), segment(tmp_path, b"first\n", rows=2))
    (written,) = await commit(sink)
    assert os.read(pipe[0], 100) == b"first\n"
    assert (written.path, written.rows, written.bytes) == ("-", 3, 18)


async def test_segments_do_not_mix(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """Writes at the same time take turns: a segment's rows stay together."""
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    segments = [segment(tmp_path, bytes([65 + number]) * 9000) for number in range(4)]
    await asyncio.gather(*(sink.write(ChunkId((0,), number), made) for number, made in enumerate(segments)))
    await commit(sink)
    read = os.read(pipe[0], 1 << 20)
    assert read.startswith(b"head\n")
    assert sorted(read[5 + 9000 * number :][:9000] for number in range(4)) == [bytes([65 + n]) * 9000 for n in range(4)]


async def test_nothing_written_gives_the_header(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """An empty result is a valid one, on standard output as in a file."""
    sink = StdoutSink("csv", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    await sink.open()
    await commit(sink)
    assert os.read(pipe[0], 100) == b"head\n"
    assert os.listdir(tmp_path) == []


async def test_what_cannot_be_cut_comes_whole_at_the_end(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """A json array or a parquet file has a frame around all rows, so it waits for all, in canonical order."""
    sink = StdoutSink("json", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    await sink.write(ChunkId((1,), 0), segment(tmp_path, b"second\n"))
    await sink.write(ChunkId((0,), 0), segment(tmp_path, b"first\n"))
    os.set_blocking(pipe[0], False)
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 1)
    await commit(sink)
    assert os.read(pipe[0], 100) == b"head\nfirst\nsecond\n"


async def test_a_slow_reader_holds_the_write_back(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """Back-pressure: a write is done when the reader has made room for all of it."""
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    data = os.urandom(300_000)
    write = asyncio.create_task(sink.write(ChunkId((0,), 0), segment(tmp_path, data)))
    read = b""
    while len(read) < len(data) + 5:
        assert not write.done() or len(data) + 5 - len(read) <= 65_536
        read += await asyncio.to_thread(os.read, pipe[0], 10_000)
    await write
    assert read == b"head\n" + data


async def test_a_redirection_into_a_file_gets_every_byte(tmp_path: Path) -> None:
    """`pipeline run ... > file`: more than one block, whole."""
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=descriptor)
    data = os.urandom(1_500_000)
    await sink.write(ChunkId((0,), 0), segment(tmp_path, data))
    await commit(sink)
    os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == b"head\n" + data


async def test_a_write_to_a_reader_that_sleeps_can_be_cancelled(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """Ctrl-C works while the other end of the pipe does nothing; afterwards the sink takes no more."""
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await sink.write(ChunkId((0,), 0), segment(tmp_path, bytes(300_000)))
    with pytest.raises(OutputError, match="stopped"):
        await sink.write(ChunkId((0,), 1), segment(tmp_path, b"x"))
    await sink.abort()


async def test_a_reader_that_has_gone_is_told_apart(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """`pipeline run ... | head` ends quietly: the engine can tell this from a disk that is full."""
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    os.close(pipe[0])
    with pytest.raises(ReaderGone):
        await sink.write(ChunkId((0,), 0), segment(tmp_path, b"x"))
    await sink.abort()


@pytest.mark.parametrize("format", ["ndjson", "json"])
async def test_a_reader_that_has_gone_does_not_end_the_other_sinks(
    tmp_path: Path, pipe: tuple[int, int], format: str
) -> None:
    """`pipeline run ... | head` with a file beside: the rest is swallowed, so that the file gets all of it."""
    sink = StdoutSink(format, csv_join, work=str(tmp_path), alone=False, descriptor=pipe[1])
    os.close(pipe[0])
    for number in range(3):
        await sink.write(ChunkId((0,), number), segment(tmp_path, b"x"))
    (written,) = await commit(sink)
    assert (written.rows, written.bytes) == (3, 0)


async def test_a_reader_that_goes_at_the_very_end_is_no_error(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """Everything has been done by then: the rejects are still to be shown."""
    sink = StdoutSink("json", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    await sink.write(ChunkId((0,), 0), segment(tmp_path, b"x"))
    await sink.prepare()
    os.close(pipe[0])
    assert (await sink.show()).rows == 1


async def test_a_closed_standard_output_is_found_at_open(tmp_path: Path) -> None:
    """`pipeline run ... >&-` fails before any work."""
    unused = os.dup(0)
    os.close(unused)
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=unused)
    with pytest.raises(OutputError, match="standard output"):
        await sink.open()
    await sink.abort()


async def test_a_full_device_is_an_output_error(tmp_path: Path) -> None:
    """`> /dev/full`, and a full disk behind a redirection, are reported with the system's words."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=descriptor)
    with pytest.raises(OutputError, match="No space left"):
        await sink.write(ChunkId((0,), 0), segment(tmp_path, b"x"))
    await sink.abort()
    os.close(descriptor)


async def test_a_chunk_is_taken_once_and_none_after_commit(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """Law 4 holds on standard output too."""
    sink = StdoutSink("ndjson", csv_join, work=str(tmp_path), alone=True, descriptor=pipe[1])
    made = segment(tmp_path, b"x\n")
    await sink.write(ChunkId((0,), 0), made)
    with pytest.raises(RuntimeError, match="twice"):
        await sink.write(ChunkId((0,), 0), made)
    await commit(sink)
    with pytest.raises(RuntimeError, match="shown"):
        await sink.write(ChunkId((0,), 1), made)
    assert os.read(pipe[0], 100) == b"head\nx\n"


async def test_a_full_run_folder_is_told_as_such(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """What is joined for standard output lies in the run's folder: another `sink` would not help."""

    async def full(_: Sequence[str], path: str) -> None:
        raise output_error(path, OSError(errno.ENOSPC, "full"))

    sink = StdoutSink("json", full, work=str(tmp_path), alone=True, descriptor=pipe[1])
    with pytest.raises(OutputError, match="No space left") as caught:
        await sink.prepare()
    assert "`run.state`" in caught.value.hint
    assert "`sink`" not in caught.value.hint
    await sink.abort()
