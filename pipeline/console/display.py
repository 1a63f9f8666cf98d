"""Chooses what shows a run while it lasts: a live display, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TextIO, TypeAlias

from pipeline.console.report import Report
from pipeline.events import Event
from pipeline.protocols import Emit

Log: TypeAlias = Literal["text", "json", "quiet"]
"""`text`: a live display on a terminal, plain lines elsewhere."""


def _nothing(event: Event) -> None:
    """Shows nothing."""


def display(report: Report, stream: TextIO, log: Log, *, results_shown: bool = False) -> AbstractContextManager[Emit]:
    """A context that gives an observer and shows the run on `stream` until it is left, whatever ends it.

    `results_shown`: standard output is a terminal too and gets results; a live display would paint over them.
    """
    if log == "quiet":
        return nullcontext(_nothing)
    terminal = stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}
    if log == "text" and terminal and not results_shown:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for importing it

        from pipeline.console.progress import Progress  # noqa: PLC0415

        return Progress(report, Console(file=stream))
    from pipeline.console.lines import Json, Lines, Plain  # noqa: PLC0415

    return Lines(report, Json() if log == "json" else Plain(), stream)


def fan_out(*observers: Callable[[Event], None]) -> Emit:
    """One observer that tells all of them, in their order."""

    def emit(event: Event) -> None:
        for observer in observers:
            observer(event)

    return emit
