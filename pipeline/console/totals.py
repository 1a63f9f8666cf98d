"""Totals: what a run has done so far, as one value. Two of them give rates and say what was busy in between."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.console.limit import Load


@dataclass(slots=True)
class Totals:
    """Cumulative figures, `at_s` seconds after the run was started. Sizes are bytes, times seconds.

    Not frozen, because the report adds to its own one thousands of times a second; it hands out copies.
    """

    at_s: float = 0.0
    job: str = ""
    workers: int = 1
    cores: int = 1
    """Of this machine."""

    shards: int = 0
    """With work left; 0 until the plan is known."""
    shards_same: int = 0
    """That earlier runs have done."""
    shards_open: int = 0
    shards_fetched: int = 0
    shards_skipped: int = 0
    bytes_planned: int | None = None
    """Stored bytes of all shards, where every size is known."""
    bytes_fetched: int = 0
    """Stored bytes that the parent read."""
    bytes_remote: int = 0
    """Of these, over the network."""
    retries: int = 0

    tasks_known: int = 0
    """Tasks of the shards that are fetched."""
    tasks_running: int = 0
    tasks_done: int = 0
    chunks: int = 0
    records: int = 0
    """Read, rejected ones included."""
    rejected: int = 0
    rows: int = 0
    """Left after the transform."""
    bytes_read: int = 0
    """Stored bytes that workers read themselves."""
    bytes_decoded: int = 0
    deaths: int = 0
    """Workers that died."""

    rows_stored: int = 0
    bytes_stored: int = 0
    """In segments that are durable; not yet a result."""
    combining: int = 0
    """Rows of partials that are being combined, once that has begun."""

    starting_s: float = 0.0
    """Until the first task was at work."""
    finishing_s: float = 0.0
    """Since there was nothing left to do but combine and commit."""
    fetch_s: float = 0.0
    """With at least one shard open."""
    open_s: float = 0.0
    """Summed over the open shards."""
    waited_s: float = 0.0
    """Of that, fetching stood still because the stages after it were full."""
    task_wall_s: float = 0.0
    cpu_s: float = 0.0
    """Used by workers; for tasks still running, as far as can be told."""
    idle_s: float = 0.0
    """Summed over the workers that waited for a task."""
    sink_s: float = 0.0
    """With at least one segment on its way to the disk."""

    @property
    def bytes_in(self) -> int:
        """Stored bytes read by anybody."""
        return self.bytes_fetched + self.bytes_read

    @property
    def shards_left(self) -> int:
        return max(0, self.shards - self.shards_fetched - self.shards_skipped)

    @property
    def tasks_expected(self) -> int | None:
        """How many tasks there will be, from those of the shards that are fetched. None: too early to say."""
        if not self.shards_fetched:
            return None
        return round(self.tasks_known * (1 + self.shards_left / self.shards_fetched))


START = Totals()


def load(then: Totals, now: Totals) -> Load:
    """How busy everything was between two moments of a run; `load(START, end)` is the whole of it."""
    wall_s = max(now.at_s - then.at_s, 1e-9)
    open_s = now.open_s - then.open_s
    held = min(1.0, (now.waited_s - then.waited_s) / open_s) if open_s > 0 else 0.0
    usable = max(1, min(now.workers, now.cores))
    return Load(
        wall_s=wall_s,
        starting=_share(now.starting_s - then.starting_s, wall_s),
        finishing=_share(now.finishing_s - then.finishing_s, wall_s),
        fetch=_share((now.fetch_s - then.fetch_s) * (1 - held), wall_s),
        remote=now.bytes_remote > then.bytes_remote,
        cores=_share(now.cpu_s - then.cpu_s, wall_s * usable),
        disk=_share(now.sink_s - then.sink_s, wall_s),
        idle=_share(now.idle_s - then.idle_s, wall_s * max(1, now.workers)),
        held=held,
        workers=now.workers,
        machine_cores=now.cores,
    )


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole))


def rate(then: Totals, now: Totals, amount: int, before: int) -> float:
    """How much a second, when `before` became `amount`."""
    return (amount - before) / max(now.at_s - then.at_s, 1e-9)


def left_s(then: Totals, now: Totals) -> float | None:
    """Seconds until every chunk is done, if things go on as they did between the two moments. None: cannot be told."""
    expected = now.tasks_expected
    if now.bytes_planned and now.bytes_in:
        done, before, whole = now.bytes_in, then.bytes_in, now.bytes_planned
    elif expected:
        done, before, whole = now.tasks_done, then.tasks_done, expected
    else:
        return None
    speed = rate(then, now, done, before)
    return max(0, whole - done) / speed if speed > 0 else None
