"""SIGKILL of workers, one after the other, all through a run whose chunks have results of 4 B to 64 MiB."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator

from tests.torture.bench import Bench, Reference, reference_of
from tests.torture.family import workers
from tests.torture.jobs import MIB, bulk_job
from tests.torture.tally import Tally
from tests.torture.trial import LONGEST_S, Trial

KILLS = 200
LARGEST = 64 * MIB
PAUSE_S = 0.1
"""Between two kills, at most."""

ATTEMPTS = 3
"""A chunk that is at work in so many deaths is poison, and rightly so: it is spared the last one."""


def torture(bench: Bench) -> Iterator[Tally]:
    """One run, thrice as many chunks as kills."""
    kills = bench.scaled(KILLS)
    job = bulk_job(bench.folder / "bulk", chunks=20 + 3 * kills, largest=LARGEST if bench.scale >= 1 else LARGEST // 8)
    reference = reference_of(bench.folder, job)
    tally = bench.tally("workers", f"{kills} kills in one run")
    rng = bench.rng("workers")
    with bench.trial(job) as trial:
        tally.add("one run", kill_workers(trial, reference, rng, kills, tally))
    yield tally


def kill_workers(
    trial: Trial, reference: Reference, rng: random.Random, kills: int, tally: Tally, pause_s: float = PAUSE_S
) -> list[str]:
    """Kills until it has killed so many, or all chunks are done; returns what is wrong at the end."""
    chunks = len(os.listdir(trial.job.settings["inputs"].rpartition("/")[0]))
    run = trial.start()
    while tally.figures.get("killed", 0) < kills and run.poll() is None:
        try:
            run.wait(rng.uniform(0, pause_s))
        except subprocess.TimeoutExpired:
            tally.count("killed", int(_kill_one(trial, rng, chunks)))
    try:
        code = run.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        return ["hung"]
    if tally.figures.get("killed", 0) < kills:
        return ["it ended before so many were killed"]
    if code:
        return [f"exit code {code}: {trial.words.strip()[-500:]}"]
    return [*trial.output_wrong(reference.digest), *trial.left_over(), *trial.blamed()]


def _kill_one(trial: Trial, rng: random.Random, chunks: int) -> bool:
    """Not before the first chunk is done nor after the last, when calls that belong to no chunk have limits of their
    own."""
    victims = workers(trial.mark)
    deaths = int(trial.query("SELECT max(deaths) FROM death", 0) or 0)
    if not victims or deaths >= ATTEMPTS - 1 or not 0 < trial.tasks_done() < chunks:
        return False
    os.kill(rng.choice(victims), signal.SIGKILL)
    return True
