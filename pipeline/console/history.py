"""The history of a job as text, for `pipeline status`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from pipeline.console.units import counted, duration, safe, size
from pipeline.journal.history import History, PastRun

SHOWN = 10


def lines(job: str, folder: str, history: History, at_work: str | None = None) -> Iterator[str]:
    """A line a run, newest first; then what the journal has, and what is pending or was left out. `at_work` is the
    process that has the job, if one has it: then the newest run without an end is its own, and others were killed."""
    if not history.runs:
        yield f"{job}: has not run yet, or not with this run.state"
        return
    yield f"{job}: {counted(history.shards, 'shard')}, {counted(history.records, 'record')} in the journal"
    for run in history.runs[:SHOWN]:
        yield f"  {_run(run, at_work if run is history.runs[0] else None)}"
    yield from _some("pending", [safe(name) for name in history.pending], "shard")
    yield from _some("left out", [f"{safe(name)}: {safe(why)}" for name, why in history.left_out], "shard")
    given_up = [f"{safe(chunk.place)}: {safe(chunk.reason)}, {chunk.deaths} times" for chunk in history.poison]
    yield from _some("given up", given_up, "chunk")
    if history.rejected:
        yield f"rejected: {counted(history.rejected, 'record')} of {history.records:,}"
    yield f"state: {folder}, {size(history.bytes)}"


def _run(run: PastRun, at_work: str | None) -> str:
    began = dt.datetime.fromtimestamp(run.started).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if run.ended is None:
        return f"{began}  at work: {safe(at_work)}" if at_work else f"{began}  was killed"
    account = run.account
    did = (
        f"{counted(account.get('shards_fetched', 0), 'shard')} read, {account.get('shards_same', 0):,} unchanged, "
        f"{counted(account.get('records', 0), 'record')}"
    )
    error = f": {safe(account['error'].splitlines()[0])}" if account.get("error") else ""
    return f"{began}  exit {run.exit_code}  {duration(run.ended - run.started)}  {did}{error}"


def _some(what: str, texts: Sequence[str], noun: str) -> Iterator[str]:
    if not texts:
        return
    yield f"{what}: {counted(len(texts), noun)}"
    yield from (f"  {text}" for text in texts[:SHOWN])
    if len(texts) > SHOWN:
        yield f"  and {len(texts) - SHOWN:,} more"
