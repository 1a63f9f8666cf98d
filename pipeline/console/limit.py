"""What limits a run: one pure function of how busy the source, the cores and the disk were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.console.units import percent

LimitName: TypeAlias = Literal["start-up", "finish", "network", "source", "cores", "disk", "nothing"]

MOST = 0.5
"""A phase that takes this share of the time is what limits."""
BUSY = 0.7
"""Below this share of the time nothing is busy enough to be called the limit: more of it would save little."""
MUCH = 0.3
"""A phase with this share limits a run in which nothing was busy."""
NEAR = 0.15
"""Two shares this close: who waited for whom decides."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy everything was in `wall_s` seconds; everything else is a share, 0 to 1."""

    wall_s: float
    starting: float
    """Of the time, before the first task was at work."""
    finishing: float
    """Of the time, combining and committing."""
    fetch: float
    """Of the time, with a shard open and not held back by the stages after it."""
    remote: bool
    """Bytes came over the network."""
    cores: float
    """Of the cores that the workers may use: `workers`, or `machine_cores` if there are fewer."""
    disk: float
    """Of the time, with a segment on its way to the disk."""
    idle: float
    """Of the workers' time, waiting for a task."""
    held: float
    """Of fetching, standing still because the stages after it were full."""
    workers: int
    machine_cores: int

    @property
    def network(self) -> float:
        return self.fetch if self.remote else 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What limited, the numbers that say so, and what might help. Each text is one clause without a full stop."""

    name: LimitName
    why: str
    advice: str = ""


def limit(load: Load) -> Limit:
    """Names what a run would have to have more of to be faster. Five cases, tried in this order:

    1. Most of the time went into start-up, or into combining and committing: no stage was at its limit.
    2. Nothing was busy for long, but much of the time went into one of these two: short runs are start-up.
    3. Nothing was busy for long: latencies add up, a stage of more would not help.
    4. One of source, cores and disk was clearly the busiest: it is the limit.
    5. Source and cores were about equally busy: workers that waited for tasks accuse the source, fetching that was
       held back accuses the cores.
    """
    busiest = max(load.fetch, load.cores, load.disk)
    if max(load.starting, load.finishing) >= (MOST if busiest >= BUSY else MUCH):
        return _phase(load)
    if busiest < BUSY:
        return Limit("nothing", f"nothing was busy for more than {percent(busiest)} of the time")
    if load.disk == busiest and load.disk - max(load.fetch, load.cores) >= NEAR:
        return _disk(load)
    if abs(load.fetch - load.cores) < NEAR:
        return _source(load) if load.idle > load.held else _cores(load)
    return _source(load) if load.fetch > load.cores else _cores(load)


def _phase(load: Load) -> Limit:
    if load.starting >= load.finishing:
        why = f"{percent(load.starting)} of the time passed before the first chunk was at work"
        return Limit("start-up", why, "it takes as long for larger inputs")
    return Limit("finish", f"{percent(load.finishing)} of the time went into combining and committing the result")


def _disk(load: Load) -> Limit:
    return Limit(
        "disk", f"results were on their way to the disk {percent(load.disk)} of the time", "a faster disk helps"
    )


def _source(load: Load) -> Limit:
    waited = f", and workers waited {percent(load.idle)} of theirs for it" if load.idle >= 0.01 else ""
    if load.remote:
        why = f"transfers were under way {percent(load.fetch)} of the time{waited}"
        return Limit(
            "network", why, "more fetch.concurrency or fetch.per_host may help, if the servers have more to give"
        )
    return Limit("source", f"input was being read {percent(load.fetch)} of the time{waited}", "a faster source helps")


def _cores(load: Load) -> Limit:
    used = min(load.workers, load.machine_cores)
    whom = f"{used} cores" if used != 1 else "1 core"
    held = f", and fetching was held back {percent(load.held)} of its time" if load.held >= 0.01 else ""
    spare = load.machine_cores - load.workers
    advice = f"run.workers: {load.machine_cores} would use the other {spare}" if spare > 0 else "more cores help"
    return Limit("cores", f"workers kept {percent(load.cores)} of {whom} busy{held}", advice)
