"""The report of a run: an observer that adds up what happened, for the displays to show and the summary to keep."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline import events
from pipeline.console.limit import Limit, limit
from pipeline.console.totals import START, Totals, load
from pipeline.events import Event
from pipeline.model import ChunkId, Outcome, ShardOrder


@dataclass(slots=True)
class Level:
    """How many of something there are at once, integrated over time."""

    count: int = 0
    _at: float = 0.0
    _area: float = 0.0
    _occupied: float = 0.0

    def set(self, count: int, now: float) -> None:
        self._area, self._occupied, self._at = self.area(now), self.occupied(now), now
        self.count = count

    def area(self, now: float) -> float:
        """Seconds, summed over all of them."""
        return self._area + self.count * (now - self._at)

    def occupied(self, now: float) -> float:
        """Seconds in which there was at least one."""
        return self._occupied + (now - self._at if self.count else 0.0)


class Report:
    """Adds up the events of one run. An observer; everything else may be asked from any thread.

    Times are counted from `started`, a reading of `clock`: let it be the start of the program. `cores` is what the
    machine has, unless a test says otherwise.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, started: float | None = None, cores: int | None = None
    ) -> None:
        self._clock = clock
        self._started = clock() if started is None else started
        self._lock = threading.Lock()
        self._sums = Totals(cores=cores or len(os.sched_getaffinity(0)))
        self._open: dict[ShardOrder, str] = {}
        self._open_level = Level()
        self._running: dict[ChunkId, float] = {}
        self._first_work: float | None = None
        self._last_done = 0.0
        self._finishing_from: float | None = None
        self._sink_until = 0.0
        self._outputs: list[events.OutputCommitted] = []
        self._skipped: list[events.ShardSkipped] = []
        self._chunks_left_out: list[events.ChunkLeftOut] = []
        self._notices: list[str] = []

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._add(event, self._clock() - self._started)

    @property
    def outputs(self) -> tuple[events.OutputCommitted, ...]:
        return tuple(self._outputs)

    @property
    def skipped(self) -> tuple[events.ShardSkipped, ...]:
        """Shards that were left out, in the order in which that was found."""
        return tuple(self._skipped)

    @property
    def chunks_left_out(self) -> tuple[events.ChunkLeftOut, ...]:
        """Chunks that the result lacks because they kept ending their workers."""
        return tuple(self._chunks_left_out)

    @property
    def whole(self) -> bool:
        """Nothing was left out but single records."""
        return not self._skipped and not self._chunks_left_out

    @property
    def notices(self) -> tuple[str, ...]:
        """What may be a mistake in the config."""
        return tuple(self._notices)

    def totals(self) -> Totals:
        """Where the run stands now."""
        with self._lock:
            now = self._clock() - self._started
            return replace(
                self._sums,
                at_s=now,
                shards_open=len(self._open),
                tasks_running=len(self._running),
                fetch_s=self._open_level.occupied(now),
                open_s=self._open_level.area(now),
                cpu_s=self._sums.cpu_s + self._cpu_of_running_s(now),
                starting_s=now if self._first_work is None else self._first_work,
                finishing_s=0.0 if self._finishing_from is None else now - self._finishing_from,
            )

    def limit(self) -> Limit:
        """What limited the run up to now."""
        return limit(load(START, self.totals()))

    def _add(self, event: Event, now: float) -> None:
        sums = self._sums
        match event:
            case events.RunStarted(job, workers, shards, nbytes, same):
                sums.job, sums.workers, sums.shards, sums.bytes_planned = job, workers, shards, nbytes
                sums.shards_same = same
            case events.ShardOpened(order, name):
                self._open[order] = name
                self._open_level.set(len(self._open), now)
            case events.BytesFetched(_, count, remote):
                sums.bytes_fetched += count
                sums.bytes_remote += count if remote else 0
            case events.RetryScheduled():
                sums.retries += 1
            case events.ShardFetched(order, _, tasks):
                self._close(order, now)
                sums.shards_fetched += 1
                sums.tasks_known += tasks
            case events.ShardSkipped(name):
                for order in [order for order, opened in self._open.items() if opened == name]:
                    self._close(order, now)
                self._skipped.append(event)
                sums.shards_skipped += 1
            case events.ChunkLeftOut():
                self._chunks_left_out.append(event)
            case events.FetchWaited(wait_s):
                sums.waited_s += wait_s
            case events.TaskStarted(task):
                self._running[task.id] = now
            case events.WorkerDied(task):
                if task is not None:
                    self._running.pop(task.id, None)
                sums.deaths += 1
            case events.TaskDone(outcome):
                self._running.pop(outcome.id, None)
                self._add_outcome(outcome, now)
            case events.WorkersIdled(wait_s):
                sums.idle_s += wait_s
            case events.SinkWrote(rows, nbytes, wall_s):
                sums.rows_stored += rows
                sums.bytes_stored += nbytes
                # Writes overlap, and we hear of them in the order of their ends: count what no other has covered.
                sums.sink_s += now - max(self._sink_until, now - wall_s)
                self._sink_until = now
            case events.CombineStarted(rows):
                sums.combining = rows
                self._finishing_from = now
            case events.Noticed(message):
                self._notices.append(message)
            case events.OutputCommitted():
                self._outputs.append(event)
                if self._finishing_from is None:  # nothing was combined: committing began with the last chunk done
                    self._finishing_from = self._last_done

    def _close(self, order: ShardOrder, now: float) -> None:
        self._open.pop(order, None)
        self._open_level.set(len(self._open), now)

    def _add_outcome(self, outcome: Outcome, now: float) -> None:
        if self._first_work is None:
            self._first_work = max(0.0, now - outcome.wall_s)
        self._last_done = now
        sums = self._sums
        sums.tasks_done += 1
        sums.chunks += outcome.chunks
        sums.records += outcome.records
        sums.rejected += outcome.rejected
        sums.rows += outcome.rows
        sums.bytes_read += outcome.bytes_stored
        sums.bytes_decoded += outcome.bytes_decoded
        sums.task_wall_s += outcome.wall_s
        sums.cpu_s += outcome.cpu_s

    def _cpu_of_running_s(self, now: float) -> float:
        """A guess, so that a long task does not look like an idle core: what tasks used so far, a second of theirs.

        Tasks beyond the number of workers still wait for one; those are the ones that were started last.
        """
        ratio = self._sums.cpu_s / self._sums.task_wall_s if self._sums.task_wall_s else 1.0
        at_work = sorted(self._running.values())[: self._sums.workers]
        return ratio * sum(now - since for since in at_work)
