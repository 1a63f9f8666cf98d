"""What the journal tells of the past: runs, what is pending, what was given up; for `pipeline status`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pipeline.journal.rows import Poison
from pipeline.journal.schema import journal_errors, open_looking, parts_folder

RUNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run. Without an end it is at work, or was killed."""

    id: int
    started: float
    """Seconds since 1970."""
    ended: float | None
    exit_code: int | None
    account: dict[str, Any] = field(default_factory=dict)
    """Its summary."""


@dataclass(frozen=True, slots=True)
class History:
    """The state of a job, read at one moment."""

    runs: tuple[PastRun, ...] = ()
    """Newest first."""
    shards: int = 0
    """Inputs of the last run."""
    pending: tuple[str, ...] = ()
    """Of these, those that are not done."""
    records: int = 0
    rejected: int = 0
    poison: tuple[Poison, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    """Inputs that the last run has skipped: (name, reason)."""
    bytes: int = 0
    """Of the journal and the files that it speaks of."""

    def document(self) -> dict[str, Any]:
        """As plain values. Its keys are a contract, as those of the summary."""
        return {
            **{name: getattr(self, name) for name in ("shards", "pending", "records", "rejected", "bytes")},
            "runs": [asdict(run) for run in self.runs],
            "poison": [asdict(chunk) for chunk in self.poison],
            "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out],
        }


def read_history(path: str) -> History:
    """Reads beside a run that may be at work, and writes nothing. Raises OutputError for a journal that cannot be
    read."""
    db = open_looking(path)
    if db is None:
        return History()
    with journal_errors(path, looking=True), closing(db):
        return _read(db, path)


def _read(db: sqlite3.Connection, path: str) -> History:
    runs = db.execute("SELECT id, started, ended, exit_code, account FROM run ORDER BY id DESC LIMIT ?", (RUNS_SHOWN,))
    records, rejected = db.execute(COUNTED).fetchone()
    return History(
        runs=tuple(
            PastRun(id, started, ended, code, orjson.loads(account) if account else {})
            for id, started, ended, code, account in runs
        ),
        shards=db.execute("SELECT count(*) FROM position").fetchone()[0],
        pending=tuple(name for (name,) in db.execute(UNFINISHED)),
        records=records,
        rejected=rejected,
        poison=tuple(Poison(*row) for row in db.execute(GIVEN_UP)),
        left_out=tuple(db.execute("SELECT name, reason FROM left_out")),
        bytes=_size(path),
    )


def _size(path: str) -> int:
    total = 0
    for folder, start in ((Path(path).absolute().parent, Path(path).name), (parts_folder(path), "")):
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # a run is at work
                    total += entry.stat().st_size if entry.name.startswith(start) else 0
    return total


COUNTED = "SELECT coalesce(sum(records), 0), coalesce(sum(rejected), 0) FROM position JOIN task USING (shard)"
"""Records, and the rejected ones of them, over all positions."""

UNFINISHED = """
SELECT position.name FROM position JOIN shard ON shard.id = position.shard
WHERE tasks IS NULL OR tasks != (SELECT count(*) FROM task WHERE task.shard = shard.id)
    + (SELECT count(*) FROM death WHERE death.shard = shard.id AND poison)
ORDER BY sort
"""
"""Names of inputs with a task that is neither done nor given up, or whose tasks were never all known."""

GIVEN_UP = """
SELECT place, deaths, reason FROM position JOIN death USING (shard) WHERE poison ORDER BY sort, member, number
"""
"""The poison of the inputs of the last run."""
