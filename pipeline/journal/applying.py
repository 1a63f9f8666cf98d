"""A change as rows: what each means for the tables of the journal."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from pipeline.journal.changes import Begin, Change, Died, Done, Ended
from pipeline.journal.schema import OF_SHARD


def apply_change(db: sqlite3.Connection, change: Change) -> None:
    """Makes the change in the transaction that is open."""
    match change:
        case Begin(shard, version, chunk_bytes):
            for table in OF_SHARD:
                db.execute(f"DELETE FROM {table} WHERE shard = ?", (shard,))  # noqa: S608 - names of our own tables
            db.execute(
                "UPDATE shard SET version = ?, chunk_bytes = ?, tasks = NULL WHERE id = ?",
                (version, chunk_bytes, shard),
            )
        case Ended(shard, tasks):
            db.execute("UPDATE shard SET tasks = ? WHERE id = ?", (tasks, shard))
        case Died(shard, member, id, deaths, poison, reason, place):
            db.execute(
                "INSERT OR REPLACE INTO death VALUES (?, ?, ?, ?, ?, ?, ?)",
                (shard, member, id.number, deaths, poison, reason, place),
            )
            if poison:
                _remove_task(db, (shard, member, id.number))
        case Done():
            _add_done(db, change)


def _remove_task(db: sqlite3.Connection, key: tuple[int, str, int]) -> None:
    # Done before, given up for a later sink: test_a_task_that_becomes_poison_when_done_again_is_settled_once.
    for table, number in (("task", "number"), ("part", "number"), ("segment", "task")):
        db.execute(f"DELETE FROM {table} WHERE shard = ? AND member = ? AND {number} = ?", key)  # noqa: S608 - our own


def _add_done(db: sqlite3.Connection, done: Done) -> None:
    outcome, key = done.outcome, (done.shard, done.member, done.outcome.id.number)
    again = "OR REPLACE " if done.encodings else ""
    db.execute(
        f"INSERT {again}INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - one of two words
        (
            *(*key, outcome.chunks, outcome.lines, outcome.records, outcome.rejected),
            *(_name(outcome.rejects), outcome.rejects_crc),
        ),
    )
    db.execute("DELETE FROM death WHERE shard = ? AND member = ? AND number = ?", key)
    db.executemany(
        "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*key, part.table, part.rows, _name(part.path), part.inline, part.crc) for part in outcome.partial],
    )
    db.execute("DELETE FROM segment WHERE shard = ? AND member = ? AND task = ?", key)
    db.executemany(
        "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(done.shard, done.member, rows.number, encoding, key[2]),
                *(_name(segment.path), segment.rows, segment.bytes, segment.crc),
            )
            for rows in outcome.slices
            for encoding, segment in zip(done.encodings, rows.segments, strict=True)
        ],
    )


def _name(path: str | None) -> str | None:
    return None if path is None else os.fspath(Path(path).name)
