"""kill -9 of a run at any instant: of the parent, of its whole group, once more while it resumes."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.torture.bench import Bench, Reference
from tests.torture.family import wait_until
from tests.torture.tally import Tally
from tests.torture.trial import LONGEST_S, Trial


@dataclass(frozen=True, slots=True)
class Case:
    """How a run is killed."""

    name: str
    count: int
    times: int = 1
    """In a row."""
    group: bool = False
    wait: bool = True
    """For the workers to go, before the next run is started."""


CASES = (
    Case("of the parent", 200),
    Case("twice: once more in the resume", 50, times=2),
    Case("of the process group", 50, group=True),
    Case("of the parent, started again at once", 50, wait=False),
)

MOST_TRIALS = 3
"""For each that is wanted."""


def torture(bench: Bench) -> Iterator[Tally]:
    """Each case over the aggregation and the row-wise job in turn. A run that has ended before it could be killed does
    not count, and is made up for."""
    for case in CASES:
        tally = bench.tally("kills", case.name)
        wanted = bench.scaled(case.count)
        for number in range(wanted * MOST_TRIALS):
            if tally.tried == wanted:
                break
            reference = bench.references[number % len(bench.references)]
            rng = bench.rng("kills", case.name, number)
            with bench.trial(reference.job) as trial:
                instants, problems = kill_at_random(trial, reference, case, rng)
                problems += trial.finish(reference.digest)
            if len(instants) == case.times or problems:
                tally.add(f"#{number} {reference.job.name}, killed at {', '.join(instants)}", problems)
            else:
                tally.count("too late")
        yield tally


def kill_at_random(trial: Trial, reference: Reference, case: Case, rng: random.Random) -> tuple[list[str], list[str]]:
    """Kills at instants that are all as likely; returns those that were not too late, and what was wrong after them."""
    problems: list[str] = []
    instants = []
    for _ in range(case.times):
        instant = rng.uniform(0, reference.seconds)
        run = trial.start()
        try:
            run.wait(instant)
        except subprocess.TimeoutExpired:
            instants.append(f"{instant:.3f} s")
            problems += trial.kill(run, group=case.group, wait=case.wait)
    return instants, problems


def kill_after(trial: Trial, tasks: int) -> list[str]:
    """Kills a run as soon as its journal has so many tasks; returns what was wrong after it."""
    run = trial.start()
    wait_until(lambda: trial.tasks_done() >= tasks or run.poll() is not None, LONGEST_S)
    return trial.kill(run)
