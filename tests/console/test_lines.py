"""Lines where there is no terminal: what they say, when they come, and that nothing waits for their reader."""

import io
import threading
from datetime import UTC, datetime

import orjson
import pytest

from pipeline import events
from pipeline.console.lines import Json, Lines, Plain
from pipeline.console.totals import START
from pipeline.testing.observed import ObservedRun


def fixed_json() -> Json:
    return Json(lambda: datetime(2026, 11, 22, 6, 30, tzinfo=UTC))


def test_a_plain_line_says_how_far_how_fast_and_what_limits(run: ObservedRun) -> None:
    """One line holds what somebody who looks into a log wants to know."""
    run.report(events.RunStarted("flights", 2, 2, 2000))
    run.report(events.ShardFetched((0,), "a", 1))
    run.at(10)
    run.report(events.TaskDone(run.outcome(rejected=2, wall_s=10, cpu_s=18)))
    assert Plain().progress(START, run.report.totals()) == (
        "00:10 flights: 1 of 2 shards, 1 chunk, 100 records, 1000 B read, 100 B/s, 2 rejected, about 10.0 s left, "
        "limit: cores"
    )


def test_a_plain_line_before_the_plan_is_known(run: ObservedRun) -> None:
    """Listing may take long: the line says that it is at that."""
    run.at(10)
    assert "looking for shards" in Plain().progress(START, run.report.totals())


def test_mishaps_have_a_line_of_their_own_at_once(run: ObservedRun) -> None:
    """A shard left out and a worker that died are named when it happens; names cannot break the line."""
    style = Plain()
    assert style.event(events.ShardSkipped("b\n.csv", "404")) == "left out: b\\n.csv: 404"
    assert style.event(events.WorkerDied(run.task(), 1, "killed by signal 9 (SIGKILL)")) == (
        "worker died: in/0.csv, chunk 0, attempt 1: killed by signal 9 (SIGKILL)"
    )
    assert style.event(events.TaskDone(run.outcome())) is None


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (events.RunStarted("flights", 2, 12, None), "run_started"),
        (events.RetryScheduled("a", 1, 0.5, "reset"), "retry_scheduled"),
        (events.ShardSkipped("a", "404"), "shard_skipped"),
        (events.Noticed("a"), "noticed"),
        (events.WorkerDied(None, 1, "exited with code 1"), "worker_died"),
        (events.OutputCommitted("out/a.csv", 1, 2), "output_committed"),
    ],
)
def test_json_lines_are_objects_with_time_and_event(event: events.Event, name: str) -> None:
    """Every JSON line can be read on its own."""
    line = fixed_json().event(event)
    assert line is not None
    record = orjson.loads(line)
    assert (record["time"], record["event"]) == ("2026-11-22T06:30:00.000+00:00", name)


def test_a_name_that_is_not_utf8_is_still_json() -> None:
    """A file name with a stray byte is spelled out rather than lost with its line."""
    line = fixed_json().event(events.ShardSkipped("caf\udce9.csv", "gone"))
    assert line is not None
    assert orjson.loads(line)["shard"] == "caf\\udce9.csv"


def test_json_progress_has_the_figures_of_the_plain_line(run: ObservedRun) -> None:
    """What a person reads, a program reads too."""
    run.report(events.RunStarted("flights", 2, 2, 2000))
    run.at(10)
    run.report(events.TaskDone(run.outcome()))
    record = orjson.loads(fixed_json().progress(START, run.report.totals()))
    assert (record["records"], record["bytes_per_s"], record["left_s"]) == (100, 100, 10)
    assert record["busy"].keys() == {"network", "source", "cores", "disk"}


def test_a_progress_line_comes_every_ten_seconds(run: ObservedRun) -> None:
    """Before ten seconds nothing is written; after them one line, and the next is due ten seconds later."""
    stream = io.StringIO()
    with Lines(run.report, Plain(), stream, run.clock) as lines:
        run.at(9)
        lines(events.ShardSkipped("a", "gone"))
    assert stream.getvalue() == "left out: a: gone\n"

    with Lines(run.report, Plain(), stream, run.clock) as lines:
        run.at(19.5)
        lines(events.ShardSkipped("b", "gone"))
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()[1:]] in (
        ["left out", "00"],
        ["00", "left out"],
    )


def test_everything_is_written_before_the_context_ends(run: ObservedRun) -> None:
    """The last mishaps of a run are not lost with it."""
    stream = io.StringIO()
    with Lines(run.report, Plain(), stream, run.clock) as lines:
        for number in range(100):
            lines(events.ShardSkipped(str(number), "gone"))
    assert stream.getvalue().count("left out") == 100


class Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_reader_who_left_does_not_end_the_run(run: ObservedRun) -> None:
    """`2>&1 | head` closes standard error: lines end, events are taken all the same."""
    with Lines(run.report, Plain(), Closed(), run.clock) as lines:
        lines(events.ShardSkipped("a", "gone"))
        lines(events.ShardSkipped("b", "gone"))


class Stuck(io.StringIO):
    """A pipe whose reader does not read until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()

    def write(self, text: str) -> int:
        self.may_go_on.wait(5)
        return super().write(text)


def test_a_reader_who_does_not_read_holds_nothing_up(run: ObservedRun) -> None:
    """An observer must not block: events are taken while the stream is stuck, and written when it is free."""
    stream = Stuck()
    with Lines(run.report, Plain(), stream, run.clock) as lines:
        for number in range(1000):
            lines(events.ShardSkipped(str(number), "gone"))
        assert stream.getvalue() == ""
        stream.may_go_on.set()
    assert stream.getvalue().count("left out") == 1000
