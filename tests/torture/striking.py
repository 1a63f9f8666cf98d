"""Runs of a small job under the tracer: which calls there are to strike at, and a run that is struck at one of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.torture import tracer
from tests.torture.bench import Bench, Reference, reference_of
from tests.torture.jobs import jobs_of, make_inputs
from tests.torture.trial import Trial

ONE_AT_A_TIME = {"fetch": {"concurrency": 1}}


def unavailable() -> str | None:
    """Why there is no striking here. In a process of its own, since it forks."""
    code = "from tests.torture.tracer import unavailable; print(unavailable() or '')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() or (found.stderr.strip() or None)


def small_jobs(bench: Bench) -> list[Reference]:
    """Four chunks, one worker, one fetch: the order of calls is as good as fixed."""
    folder = bench.folder / "small"
    inputs = make_inputs(folder, files=2, records=600)
    jobs = jobs_of(inputs, workers=1)
    return [reference_of(bench.folder, job) for job in jobs]


class Strike:
    """A trial whose first run is traced."""

    def __init__(self, trial: Trial, *options: str) -> None:
        self.log = trial.folder / "calls"
        self.trial = trial
        self._before = (sys.executable, tracer.__file__, "--below", str(trial.work), "--log", str(self.log), *options)

    def run(self, *at: str) -> int:
        """The exit code; 137 for one that was killed. Raises TimeoutExpired."""
        return self.trial.run(*self._before, *at, "--")

    def struck(self) -> Sequence[str]:
        """What was struck: call and path."""
        return [f"{call} {path}" for _, _, call, path, hit in self._lines() if hit == "1"]

    def count(self) -> int:
        """Of the calls in all."""
        return len(self._lines())

    def _lines(self) -> list[list[str]]:
        return [line.split("\t") for line in Path(self.log).read_text().splitlines()]


def points(count: int, scale: float) -> list[int]:
    """Every one of 1 to `count`, or so large a part of them, evenly spread."""
    wanted = max(1, round(count * min(1, scale)))
    return sorted({1 + part * (count - 1) // max(1, wanted - 1) for part in range(wanted)})
