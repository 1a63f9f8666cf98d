"""Many starts of one job at the same time: one runs, all others say so and end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from pipeline.testing.thread_server import send_start, served
from tests.torture.bench import Bench
from tests.torture.family import wait_until
from tests.torture.jobs import Job
from tests.torture.tally import Tally
from tests.torture.trial import LONGEST_S, Trial

STARTS = 50
BUSY = 75
DATA = b"id\n0\n1\n2\n"


def torture(bench: Bench) -> Iterator[Tally]:
    """One row of starts, over an input that comes when all but one have ended."""
    starts = max(5, bench.scaled(STARTS))
    tally = bench.tally("starts", f"{starts} at once")
    tally.add("one row", start_many(bench, starts, tally))
    yield tally


def start_many(bench: Bench, starts: int, tally: Tally) -> list[str]:
    """Returns what was wrong."""
    with _gate() as (address, opened):
        settings = {"inputs": address, "parse": {"columns": {"id": "int64"}}, "run": {"workers": 1}}
        with bench.trial(Job("gated", settings, lambda _: [])) as trial:
            runs = [trial.start(words=f"stderr-{number}") for number in range(starts)]
            all_but_one = wait_until(lambda: sum(run.poll() is None for run in runs) <= 1, LONGEST_S)
            opened.set()
            codes = [run.wait(LONGEST_S) for run in runs]
            problems = [] if all_but_one else ["more than one was at work"]
            tally.count("ran", codes.count(0))
            tally.count("exit 75", codes.count(BUSY))
            if codes.count(0) != 1 or codes.count(BUSY) != starts - 1:
                problems.append(f"exit codes {sorted(codes)}")
            else:
                problems += _named(trial, codes, runs[codes.index(0)].pid)
            return [*problems, *([] if trial.output.exists() and trial.output.read_bytes() == DATA else ["no output"])]


def _named(trial: Trial, codes: list[int], winner: int) -> list[str]:
    """Whether each that ended says who is at work, or that nobody has said so yet."""
    words = [(trial.folder / f"stderr-{number}").read_text() for number, code in enumerate(codes) if code]
    return [
        f"does not name process {winner}: {each.strip()}"
        for each in words
        if f"process {winner} " not in each and "only just begun" not in each
    ]


@contextmanager
def _gate() -> Iterator[tuple[str, threading.Event]]:
    """The address of a file whose bytes come when the event is set."""
    opened = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        opened.wait(LONGEST_S)
        send_start(request, len(DATA))
        request.wfile.write(DATA)

    with served(answer) as address:
        try:
            yield f"{address}/gated.csv", opened
        finally:
            opened.set()
