"""The live display: what its rows say, that it fits, and that it leaves the terminal as it was."""

import io

import pytest
from rich.console import Console

from pipeline import events
from pipeline.console.progress import Progress, frame, rows
from pipeline.console.totals import START
from pipeline.testing.observed import ObservedRun

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def terminal(width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=True, width=width, height=24, color_system=None), stream


def begin(run: ObservedRun) -> None:
    run.report(events.RunStarted("flights", 2, 2, 4000))
    run.report(events.ShardOpened((0,), "a"))
    run.report(events.BytesFetched((0,), 1000, remote=True))
    run.report(events.ShardFetched((0,), "a", 1))
    run.at(10)
    run.report(events.TaskDone(run.outcome()))


def test_each_stage_has_a_row_with_count_amount_and_rate(run: ObservedRun) -> None:
    """Fetch, CPU and sink are seen side by side; the time left is that of the chunks."""
    begin(run)
    run.report(events.SinkWrote(90, 500, 0.1))
    fetch, cpu, sink = rows(START, run.report.totals())
    assert (fetch.count, fetch.amount, fetch.rate) == ("1 of 2 shards", "1.95 KiB of 3.91 KiB", "200 B/s")
    assert (cpu.count, cpu.amount, cpu.rate, cpu.left) == ("1 of 2 chunks", "100 records", "10/s", "00:10 left")
    assert (sink.count, sink.amount, sink.rate) == ("90 rows", "500 B", "50 B/s")


def test_stages_that_are_through_say_so(run: ObservedRun) -> None:
    """When combining has begun, fetch and CPU are done."""
    begin(run)
    run.report(events.ShardFetched((1,), "b", 1))
    run.report(events.TaskDone(run.outcome(1)))
    run.report(events.CombineStarted(24))
    fetch, cpu, sink = rows(START, run.report.totals())
    assert (fetch.left, cpu.left) == ("done", "done")
    assert (sink.count, sink.amount) == ("combining", "24 rows of partials")


def test_nothing_is_divided_by_what_is_not_known_yet(run: ObservedRun) -> None:
    """The display is there before the plan is."""
    fetch, cpu, sink = rows(START, run.report.totals())
    assert (fetch.count, cpu.count, cpu.left, sink.count) == ("looking for shards", "0 chunks", "", "waiting")


@pytest.mark.parametrize("width", [200, 80, 40, 12])
def test_no_line_is_wider_than_the_terminal(run: ObservedRun, width: int) -> None:
    """Lines are cut at the edge, not wrapped: a wrapped line would not be painted over."""
    begin(run)
    run.report(events.ShardSkipped("b", "gone"))
    run.report(events.RetryScheduled("b", 1, 0.5, "reset"))
    console, stream = terminal(width)
    console.print(frame(START, run.report.totals()))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= width


def test_mishaps_show_while_the_run_lasts(run: ObservedRun) -> None:
    """What was left out is seen before the end."""
    begin(run)
    run.report(events.ShardSkipped("b", "gone"))
    run.report(events.TaskDone(run.outcome(number=1, rejected=2)))
    console, stream = terminal()
    console.print(frame(START, run.report.totals()))
    assert "2 records rejected, 1 shard left out" in stream.getvalue()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ValueError])
def test_the_terminal_is_left_as_it_was(run: ObservedRun, error: type[BaseException] | None) -> None:
    """Whatever ends the run, the cursor is there and the display is gone."""
    console, stream = terminal()

    def body() -> None:
        with Progress(run.report, console):
            begin(run)
            if error is not None:
                raise error

    if error is None:
        body()
    else:
        with pytest.raises(error):
            body()
    painted = stream.getvalue()
    assert painted.rfind(SHOW_CURSOR) > painted.rfind(HIDE_CURSOR)
    assert painted.endswith(("\x1b[2K", "\r")) or "\x1b[2K" in painted[painted.rfind("flights") :]


def test_a_run_that_is_killed_leaves_the_cursor_visible(run: ObservedRun) -> None:
    """Nothing can be mended after SIGKILL, so the cursor is not hidden in the first place."""
    console, stream = terminal()
    with Progress(run.report, console):
        painted = stream.getvalue()
        assert painted.rfind(SHOW_CURSOR) > painted.rfind(HIDE_CURSOR)
