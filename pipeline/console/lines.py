"""Progress where there is no terminal: a plain line, or a JSON object, every ten seconds, and one for each mishap."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self, TextIO

import orjson

from pipeline import events
from pipeline.console.limit import limit
from pipeline.console.report import Report
from pipeline.console.streams import say
from pipeline.console.summary import Value
from pipeline.console.totals import START, Totals, left_s, load, rate
from pipeline.console.units import clock as as_clock
from pipeline.console.units import counted, duration, safe, short, size
from pipeline.events import Event

INTERVAL_S = 10.0
CLOSE_S = 2.0
"""How long the end of a run waits for a reader of standard error who does not read."""


class Style(Protocol):
    """What a line looks like."""

    def event(self, event: Event) -> str | None:
        """The line for an event, or None for one that is only counted."""
        ...

    def progress(self, then: Totals, now: Totals) -> str:
        """The line for where the run stands; rates are those since `then`."""
        ...


class Plain:
    """Lines for people and for log files."""

    def event(self, event: Event) -> str | None:
        match event:
            case events.ShardSkipped(name, reason):
                return f"left out: {safe(name)}: {safe(reason)}"
            case events.WorkerDied(task, attempt, reason):
                whose = f"{safe(task.shard.name)}, chunk {task.number}, attempt {attempt}: " if task else ""
                return f"worker died: {whose}{safe(reason)}"
            case _:
                return None

    def progress(self, then: Totals, now: Totals) -> str:
        left = left_s(then, now)
        parts = [
            f"{now.shards_fetched} of {counted(now.shards, 'shard')}" if now.shards else "looking for shards",
            counted(now.chunks, "chunk"),
            f"{short(now.records)} records",
            f"{size(now.bytes_in)} read, {size(rate(then, now, now.bytes_in, then.bytes_in))}/s",
            counted(now.retries, "retry") if now.retries else "",
            f"{now.rejected:,} rejected" if now.rejected else "",
            f"combining {short(now.combining)} rows of partials" if now.combining else "",
            f"about {duration(left)} left" if left and not now.combining else "",
            f"limit: {limit(load(then, now)).name}",
        ]
        return f"{as_clock(now.at_s)} {now.job}: " + ", ".join(part for part in parts if part)


class Json:
    """One JSON object a line: `time` (UTC), `event`, and what belongs to it. `now` is the wall clock."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    def event(self, event: Event) -> str | None:
        match event:
            case events.RunStarted(job, workers, shards, nbytes, same):
                return self.line(
                    "run_started", job=job, workers=workers, shards=shards, shards_same=same, bytes_planned=nbytes
                )
            case events.RetryScheduled(name, attempt, wait_s, reason):
                return self.line("retry_scheduled", shard=name, attempt=attempt, wait_s=wait_s, reason=reason)
            case events.ShardSkipped(name, reason):
                return self.line("shard_skipped", shard=name, reason=reason)
            case events.ChunkLeftOut(place, reason, deaths):
                return self.line("chunk_left_out", place=place, reason=reason, deaths=deaths)
            case events.WorkerDied(task, attempt, reason):
                shard, chunk = (task.shard.name, task.number) if task else (None, None)
                return self.line("worker_died", shard=shard, chunk=chunk, attempt=attempt, reason=reason)
            case events.Noticed(message):
                return self.line("noticed", message=message)
            case events.OutputCommitted(path, rows, nbytes):
                return self.line("output_committed", path=path, rows=rows, bytes=nbytes)
            case _:
                return None

    def progress(self, then: Totals, now: Totals) -> str:
        busy = load(then, now)
        return self.line(
            "progress",
            job=now.job,
            wall_s=round(now.at_s, 3),
            shards=now.shards,
            shards_fetched=now.shards_fetched,
            chunks=now.chunks,
            records=now.records,
            rejected=now.rejected,
            bytes_read=now.bytes_in,
            bytes_per_s=round(rate(then, now, now.bytes_in, then.bytes_in)),
            left_s=left_s(then, now),
            busy={"network": busy.network, "source": busy.fetch, "cores": busy.cores, "disk": busy.disk},
            limit=limit(busy).name,
        )

    def line(self, event: str, **values: Value) -> str:
        """One object as text. A lone surrogate in a file name, which UTF-8 has no bytes for, is spelled out."""
        record: dict[str, Value] = {"time": self._now().isoformat(timespec="milliseconds"), "event": event, **values}
        try:
            return orjson.dumps(record).decode()
        except TypeError:
            return orjson.dumps({key: _spelled(value) for key, value in record.items()}).decode()


def _spelled(value: Value) -> Value:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


class Lines:
    """An observer that writes lines to `stream`, and a context: leaving it writes what is still to be written.

    A thread of its own writes, so that neither a busy loop nor a reader who does not read holds anything up. What a
    closed stream does not take is lost, and the run goes on.
    """

    def __init__(
        self, report: Report, style: Style, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._style = style
        self._stream = stream
        self._clock = clock
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)

    def __call__(self, event: Event) -> None:
        line = self._style.event(event)
        if line is not None:
            self._queue.put(line)

    def __enter__(self) -> Self:
        self._due = self._clock() + INTERVAL_S
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        then = START
        while True:
            if self._clock() >= self._due:
                now = self._report.totals()
                self._write(self._style.progress(then, now))
                then, self._due = now, self._clock() + INTERVAL_S
            try:
                line = self._queue.get(timeout=max(0.0, self._due - self._clock()))
            except queue.Empty:
                continue
            if line is None:
                return
            self._write(line)

    def _write(self, line: str) -> None:
        say(line + "\n", self._stream, patience_s=None)  # its own thread may wait
