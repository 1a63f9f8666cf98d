"""A run by hand, for tests of what observes one: a clock that is set, and the nouns its events speak of."""

from __future__ import annotations

from pipeline.console.report import Report
from pipeline.model import Outcome, Shard, Stored, Task


class Clock:
    """Shows `now`, which a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class ObservedRun:
    """A report under a clock set by hand, and the nouns its events speak of."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.report = Report(self.clock, cores=4)

    def at(self, seconds: float) -> None:
        """Moves the clock to `seconds` after the start of the run."""
        self.clock.now = 100.0 + seconds

    def task(self, shard: int = 0, number: int = 0) -> Task:
        name = f"in/{shard}.csv"
        return Task(Shard((shard,), name, name, size=1000), number, Stored(name, 1000, "none"))

    def outcome(
        self, shard: int = 0, number: int = 0, wall_s: float = 1.0, cpu_s: float = 0.5, rejected: int = 0
    ) -> Outcome:
        """A chunk of 100 records, 1,000 bytes read by the worker and 2,000 decoded."""
        return Outcome(
            id=self.task(shard, number).id,
            shard_name=f"in/{shard}.csv",
            chunks=1,
            lines=101,
            records=100,
            rejected=rejected,
            rows=90,
            bytes_stored=1000,
            bytes_decoded=2000,
            wall_s=wall_s,
            cpu_s=cpu_s,
        )
