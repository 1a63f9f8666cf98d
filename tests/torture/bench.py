"""Where torture takes place: a folder, the jobs with what they make undisturbed, and chance that can be repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.torture.jobs import Job, jobs_of, make_inputs
from tests.torture.tally import Tally
from tests.torture.trial import Trial


@dataclass(frozen=True, slots=True)
class Reference:
    """A job, and an undisturbed run of it."""

    job: Job
    digest: str
    """Of its output."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What every kind of fault is given."""

    folder: Path
    references: tuple[Reference, ...]
    """Of some dozen chunks, two workers."""
    seed: int = 0
    scale: float = 1.0
    patience: float = 1.0
    """Stretches every limit of time, for a busy machine."""
    tallies: list[Tally] = field(default_factory=list)
    """Of all that was begun."""

    def tally(self, kind: str, case: str, skipped: str | None = None) -> Tally:
        """A new one, among the results from now on."""
        self.tallies.append(Tally(kind, case, skipped=skipped))
        return self.tallies[-1]

    def trial(self, job: Job, settings: Mapping[str, Any] | None = None) -> Trial:
        """Of a job, with a state of its own."""
        return Trial(self.folder, job, settings=settings, patience=self.patience)

    def scaled(self, count: int) -> int:
        """How often something is tried that is tried `count` times at full scale."""
        return max(1, round(count * self.scale))

    def rng(self, *of: object) -> random.Random:
        """Chance for one trial: the same for the same seed, whatever was tried before."""
        return random.Random(repr((self.seed, *of)))


def make_bench(
    folder: Path, *, seed: int = 0, scale: float = 1.0, patience: float = 1.0, records: int = 4000, runs: int = 2
) -> Bench:
    """Generates the inputs, six files of so many records, and runs each job; more than once, since the first run may
    read from a cold disk."""
    jobs = jobs_of(make_inputs(folder / "inputs", files=6, records=records))
    references = [min((reference_of(folder, job) for _ in range(runs)), key=lambda each: each.seconds) for job in jobs]
    return Bench(folder, tuple(references), seed, scale, patience)


def reference_of(folder: Path, job: Job) -> Reference:
    """Runs a job undisturbed. Raises RuntimeError where not even that ends well."""
    with Trial(folder, job) as trial:
        since = time.monotonic()
        code = trial.run()
        seconds = time.monotonic() - since
        if code:
            raise RuntimeError(f"job {job.name} ended with exit code {code}: {trial.words}")
        if wrong := [*job.oracle(trial.output), *trial.left_over(), *trial.blamed()]:
            raise RuntimeError(f"job {job.name}: {wrong}")
        return Reference(job, trial.digest(), seconds)
