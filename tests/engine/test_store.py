"""The store: each outcome to every sink, then to the journal, and only then it counts."""

import asyncio

import pytest

from pipeline import events
from pipeline.engine.channel import Channel
from pipeline.engine.store import store
from pipeline.errors import OutputError
from pipeline.model import ChunkId, Outcome, Segment, Slice
from pipeline.protocols import Written


class FakeSink:
    """Writes down what it is given, after the others if told so; may refuse one chunk."""

    in_place = False

    def __init__(self, log: list[str], refuses: int | None = None) -> None:
        self.log = log
        self.refuses = refuses

    async def open(self) -> None: ...

    async def write(self, id: ChunkId, segment: Segment) -> None:
        await asyncio.sleep(0)
        if id.number == self.refuses:
            raise OutputError("disk full")
        self.log.append(f"write {id.number} {segment.path}")

    async def prepare(self) -> None: ...

    async def show(self) -> Written:
        return Written("out", 0, 0)

    async def abort(self) -> None: ...


def outcome(number: int, *segments: str) -> Outcome:
    made = (Slice(number, tuple(Segment(path, 1, 10) for path in segments)),) if segments else ()
    return Outcome(ChunkId((0,), number), "a", 1, 1, 1, 0, 1, 0, 0, 0.0, 0.0, slices=made)


async def run(log: list[str], sinks: list[FakeSink], *outcomes: Outcome) -> list[events.Event]:
    channel: Channel[Outcome] = Channel(10)
    for each in outcomes:
        await channel.send(each)
    await channel.close()
    seen: list[events.Event] = []

    async def record(done: Outcome) -> None:
        log.append(f"journal {done.id.number}")

    await store(channel, sinks, record, seen.append)
    return seen


async def test_write_comes_before_journal() -> None:
    """Durable order: every sink has the rows before the journal says so."""
    log: list[str] = []
    sinks = [FakeSink(log), FakeSink(log)]
    seen = await run(log, sinks, outcome(0, "a", "b"))
    assert log == ["write 0 a", "write 0 b", "journal 0"]
    assert [type(event) for event in seen] == [events.SinkWrote, events.SinkWrote]


async def test_an_aggregations_chunks_go_to_the_journal_alone() -> None:
    """They have partials, not rows: sinks are for the result."""
    log: list[str] = []
    await run(log, [FakeSink(log)], outcome(0), outcome(1))
    assert log == ["journal 0", "journal 1"]


async def test_what_was_not_written_is_not_journaled() -> None:
    """A sink that fails ends the stage, and its chunk is not done."""
    log: list[str] = []
    with pytest.RaisesGroup(OutputError):
        await run(log, [FakeSink(log, refuses=1)], outcome(0, "a"), outcome(1, "b"))
    assert "journal 1" not in log
