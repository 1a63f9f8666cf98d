"""What shows a run where: a terminal, a log, a mail."""

import io
from contextlib import nullcontext

import pytest

from pipeline import events
from pipeline.console.display import display, fan_out
from pipeline.console.lines import Lines
from pipeline.console.progress import Progress
from pipeline.testing.observed import ObservedRun


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_live_display(run: ObservedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is looking."""
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(display(run.report, Terminal(), "text"), Progress)


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    run: ObservedRun, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    """An editor's shell would show every frame below the last."""
    monkeypatch.setenv("TERM", term)
    assert isinstance(display(run.report, Terminal(), "text"), Lines)


def test_results_on_the_same_terminal_are_not_painted_over(run: ObservedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink that writes to the terminal has it for itself."""
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(display(run.report, Terminal(), "text", results_shown=True), Lines)


def test_a_log_gets_lines(run: ObservedRun) -> None:
    """Nobody is looking now."""
    assert isinstance(display(run.report, io.StringIO(), "text"), Lines)


def test_json_is_json_on_a_terminal_too(run: ObservedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for JSON lines gets them everywhere."""
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(display(run.report, Terminal(), "json"), Lines)


def test_quiet_writes_nothing(run: ObservedRun) -> None:
    """Nothing on standard error means no mail from cron."""
    stream = io.StringIO()
    context = display(run.report, stream, "quiet")
    assert isinstance(context, nullcontext)
    with context as emit:
        emit(events.ShardSkipped("a", "gone"))
    assert stream.getvalue() == ""


def test_every_observer_hears_every_event(run: ObservedRun) -> None:
    """The report and the display see the same run."""
    heard: list[events.Event] = []
    emit = fan_out(run.report, heard.append)
    emit(events.ShardSkipped("a", "gone"))
    assert (len(heard), run.report.totals().shards_skipped) == (1, 1)
