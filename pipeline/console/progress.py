"""Progress on a terminal: a row for each stage with its rate and the time left, and what limits right now."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.console.limit import Limit, Load, limit
from pipeline.console.report import Report
from pipeline.console.totals import Totals, left_s, load, rate
from pipeline.console.units import clock, counted, percent, short, size
from pipeline.events import Event

REFRESH_HZ = 4
WINDOW_S = 5.0
"""Rates and limits are those of the last seconds: a person watches what happens now."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stage: what it is, how far it is, how much that is, how fast, and what is left."""

    stage: str
    count: str
    amount: str
    rate: str
    left: str


def rows(then: Totals, now: Totals) -> tuple[Row, Row, Row]:
    """The three stages, with the rates between the two moments."""
    return _fetch(then, now), _cpu(then, now), _sink(then, now)


def _fetch(then: Totals, now: Totals) -> Row:
    count = f"{now.shards_fetched} of {counted(now.shards, 'shard')}" if now.shards else "looking for shards"
    of = f" of {size(now.bytes_planned)}" if now.bytes_planned else ""
    return Row(
        "fetch",
        count,
        f"{size(now.bytes_in)}{of}",
        f"{size(rate(then, now, now.bytes_in, then.bytes_in))}/s",
        "done" if now.shards and not now.shards_left else "",
    )


def _cpu(then: Totals, now: Totals) -> Row:
    left = left_s(then, now)
    speed = rate(then, now, now.records, then.records)
    expected = now.tasks_expected if now.chunks == now.tasks_done else None
    done = now.combining or (now.shards and not now.shards_left and now.tasks_done >= now.tasks_known)
    return Row(
        "cpu",
        f"{now.chunks} of {counted(expected, 'chunk')}" if expected else counted(now.chunks, "chunk"),
        f"{short(now.records)} records",
        f"{short(speed)}/s",
        "done" if done else f"{clock(left)} left" if left is not None else "",
    )


def _sink(then: Totals, now: Totals) -> Row:
    if now.combining:
        return Row("sink", "combining", f"{short(now.combining)} rows of partials", "", "")
    if not now.rows_stored:
        return Row("sink", "waiting", "", "", "")
    speed = rate(then, now, now.bytes_stored, then.bytes_stored)
    return Row("sink", f"{short(now.rows_stored)} rows", size(now.bytes_stored), f"{size(speed)}/s", "")


def footer(busy: Load, limited: Limit) -> str:
    """What limits, first, since the end of a line may not fit."""
    source = f"network {percent(busy.network)}" if busy.remote else f"source {percent(busy.fetch)}"
    return f"limit now: {limited.name} ({source}, cores {percent(busy.cores)}, disk {percent(busy.disk)} busy)"


def mishaps(now: Totals) -> str:
    """What went wrong and was coped with; empty where nothing did."""
    found = (
        counted(now.rejected, "record") + " rejected" if now.rejected else "",
        counted(now.shards_skipped, "shard") + " left out" if now.shards_skipped else "",
        counted(now.retries, "retry") if now.retries else "",
        counted(now.deaths, "worker") + " died" if now.deaths else "",
    )
    return ", ".join(text for text in found if text)


class Progress:
    """The live display on the terminal that `console` writes to, and a context: leaving it clears the display.

    It looks at the report by itself, in a thread. The cursor stays visible, so that a run that is killed leaves the
    terminal as it was; lines are cut at the terminal's edge, never wrapped.
    """

    def __init__(self, report: Report, console: Console) -> None:
        self._report = report
        self._console = console
        self._window: deque[Totals] = deque()
        self._live = Live(
            console=console,
            get_renderable=self._frame,
            refresh_per_second=REFRESH_HZ,
            transient=True,
            redirect_stdout=False,  # standard output carries results
            redirect_stderr=False,  # the proxy wraps what passes through it, and breaks file:line
        )

    def __call__(self, event: Event) -> None:
        """Nothing: the report has seen it."""

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        self._console.show_cursor(show=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _frame(self) -> Group:
        now = self._report.totals()
        self._window.append(now)
        while now.at_s - self._window[0].at_s > WINDOW_S:
            self._window.popleft()
        return frame(self._window[0], now)


def frame(then: Totals, now: Totals) -> Group:
    """The display as rich draws it: at most six lines, each cut at the edge of the terminal."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    for justify in ("left", "right", "right", "right"):
        grid.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    for row in rows(then, now):
        grid.add_row(*map(Text, (row.stage, row.count, row.amount, row.rate, row.left)))
    busy = load(then, now)
    trouble = mishaps(now)
    return Group(
        _line(f"{now.job or 'starting'}  {clock(now.at_s)}", "bold"),
        grid,
        _line(footer(busy, limit(busy)), "dim"),
        *([_line(trouble, "yellow")] if trouble else []),
    )


def _line(text: str, style: str) -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")
