"""The writing side of the journal: one run, one thread at a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence

from pipeline.journal.applying import apply_change
from pipeline.journal.changes import Begin, Change
from pipeline.journal.history import COUNTED, GIVEN_UP, UNFINISHED
from pipeline.journal.rows import Output, Poison, ShardRow
from pipeline.journal.schema import OF_SHARD, journal_errors, open_writing

RUNS_KEPT = 200
FACTS_KEPT = 50
"""Older ones are forgotten."""


class Journal:
    """Every method is one transaction that is on the disk when it returns. Raises OutputError. Not thread-safe: two
    calls never overlap."""

    def __init__(self, path: str, looking: sqlite3.Connection | None = None) -> None:
        """`looking`: the connection of one that is only asked."""
        self.path = path
        self._db = looking or open_writing(path)

    def close(self) -> None:
        """Ends the connection; may be called again."""
        self._db.close()

    # --- runs ---------------------------------------------------------------------------------------------------

    def begin_run(self) -> int:
        """A run has begun; returns its id. Runs that never ended were killed, and stay so."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            db.execute("DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?", (RUNS_KEPT,))
            return int(db.execute("INSERT INTO run (started) VALUES (?)", (time.time(),)).lastrowid or 0)

    def end_run(self, run: int, exit_code: int, account: str) -> None:
        """How it ended, and its summary as JSON."""
        with journal_errors(self.path), self._db as db:
            db.execute(
                "UPDATE run SET ended = ?, exit_code = ?, account = ? WHERE id = ?",
                (time.time(), exit_code, account, run),
            )

    # --- the plan -----------------------------------------------------------------------------------------------

    def shards(self, recipe: str) -> list[ShardRow]:
        """Every version of every input that was worked on under the recipe, oldest first."""
        with journal_errors(self.path):
            return [
                ShardRow(*row)
                for row in self._db.execute(
                    "SELECT id, identity, version, chunk_bytes, tasks FROM shard WHERE recipe = ? ORDER BY id",
                    (recipe,),
                )
            ]

    def add_shards(self, recipe: str, shards: Iterable[tuple[str, str, str | None, int]]) -> list[int]:
        """Adds (identity, name, version, chunk bytes) of shards that are new, and returns their ids."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            return [
                int(
                    db.execute(
                        "INSERT INTO shard (identity, name, version, recipe, chunk_bytes) VALUES (?, ?, ?, ?, ?)",
                        (identity, name, version, recipe, chunk_bytes),
                    ).lastrowid
                    or 0
                )
                for identity, name, version, chunk_bytes in shards
            ]

    def positions(self) -> list[tuple[str, int, str]]:
        """(sort key, shard, name) of the inputs of the last run that got as far as its plan."""
        with journal_errors(self.path):
            return self._db.execute("SELECT sort, shard, name FROM position ORDER BY sort").fetchall()

    def place(self, positions: Iterable[tuple[str, int, str]], left_out: Iterable[tuple[str, str]] = ()) -> None:
        """Sets the inputs of this run: (sort key, shard, name); and those that were skipped: (name, reason)."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            db.execute("DELETE FROM position")
            db.execute("DELETE FROM left_out")
            db.executemany("INSERT INTO position VALUES (?, ?, ?)", positions)
            db.executemany("INSERT INTO left_out VALUES (?, ?)", left_out)

    def settled(self, recipe: str, encodings: Sequence[str]) -> dict[int, int]:
        """How many tasks of each shard are done or given up. Of a row-wise job, `encodings` are those that all its
        segments must be there in: a sink that was added later has them not."""
        query = f"""
            SELECT id, (SELECT count(*) FROM task WHERE task.shard = id {_in_each(encodings)})
                + (SELECT count(*) FROM death WHERE death.shard = id AND poison)
            FROM shard WHERE recipe = ?{len(encodings) + 1}"""  # noqa: S608 - numbers of parameters
        with journal_errors(self.path):
            return dict(self._db.execute(query, (*encodings, recipe)).fetchall())

    def tasks_settled(self, shard: int, encodings: Sequence[str]) -> frozenset[tuple[str, int]]:
        """(member, number) of these tasks of one shard."""
        query = f"""
            SELECT member, number FROM task WHERE shard = ?{len(encodings) + 1} {_in_each(encodings)}
            UNION SELECT member, number FROM death WHERE shard = ?{len(encodings) + 1} AND poison"""  # noqa: S608 - see above
        with journal_errors(self.path):
            return frozenset(self._db.execute(query, (*encodings, shard)).fetchall())

    def deaths(self) -> dict[tuple[int, str, int], int]:
        """How often each (shard, member, number) has ended its worker and is not done yet."""
        with journal_errors(self.path):
            return {
                (shard, member, number): deaths
                for shard, member, number, deaths in self._db.execute(
                    "SELECT shard, member, number, deaths FROM death WHERE NOT poison"
                )
            }

    def forgive(self) -> None:
        """Forgets every death: all chunks are tried anew."""
        with journal_errors(self.path), self._db as db:
            db.execute("DELETE FROM death")

    def forget(self) -> None:
        """Forgets all work, not the runs."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            for table in (*OF_SHARD, "shard", "position", "left_out", "output", "fact"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables

    # --- work ---------------------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Change]) -> None:
        """All changes in one transaction: one wait for the disk, however many they are. A task that is done twice is an
        IntegrityError, unless it was done again for a sink that was added later."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            for change in changes:
                apply_change(db, change)

    def void(self, shard: int) -> None:
        """What was done of the shard is worth nothing: its next run begins anew."""
        self.apply([Begin(shard, None, 0)])

    def void_missing(self, files: Iterable[str]) -> None:
        """Voids every shard that the journal names one of these files for: they are not there any more."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            for name in files:
                found = db.execute(
                    "SELECT shard FROM part WHERE path = ?1 UNION SELECT shard FROM segment WHERE path = ?1"
                    " UNION SELECT shard FROM task WHERE rejects = ?1",
                    (name,),
                ).fetchall()
                for (shard,) in found:
                    apply_change(db, Begin(shard, None, 0))

    def leave_out(self, sort: str | None, name: str, reason: str) -> None:
        """An input was skipped: it has no position any more, wherever it was listed."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            db.execute("DELETE FROM position WHERE shard = (SELECT shard FROM position WHERE sort = ?)", (sort,))
            db.execute("INSERT INTO left_out VALUES (?, ?)", (name, reason))

    def sums(self) -> tuple[int, int, int]:
        """Records, rejected ones, and rows of partials, over all positions."""
        with journal_errors(self.path):
            records, rejected = self._db.execute(COUNTED).fetchone()
            (rows,) = self._db.execute("SELECT coalesce(sum(rows), 0) FROM position JOIN part USING (shard)").fetchone()
        return int(records), int(rejected), int(rows)

    def placed(self) -> list[tuple[int, str | None]]:
        """(id, version) of the shard at each position: what the result is made of."""
        with journal_errors(self.path):
            return self._db.execute(
                "SELECT shard.id, shard.version FROM position JOIN shard ON shard.id = position.shard ORDER BY sort"
            ).fetchall()

    def poison(self) -> list[Poison]:
        """The chunks that were given up, of the inputs of this run."""
        with journal_errors(self.path):
            return [Poison(*row) for row in self._db.execute(GIVEN_UP)]

    def unfinished(self) -> list[str]:
        """Names of inputs with a task that is neither done nor given up, or whose tasks were never all known."""
        with journal_errors(self.path):
            return [name for (name,) in self._db.execute(UNFINISHED)]

    # --- outputs and facts --------------------------------------------------------------------------------------

    def outputs(self) -> list[Output]:
        """What earlier runs have shown."""
        with journal_errors(self.path):
            return [Output(*row) for row in self._db.execute("SELECT path, result, bytes, mtime_ns, inode FROM output")]

    def shown(self, outputs: Iterable[Output]) -> None:
        """These are the outputs now, and no others."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            db.execute("DELETE FROM output")
            db.executemany(
                "INSERT INTO output VALUES (?, ?, ?, ?, ?)",
                [(out.path, out.result, out.bytes, out.mtime_ns, out.inode) for out in outputs],
            )

    def fact(self, key: str) -> str | None:
        """What was found out earlier."""
        with journal_errors(self.path):
            row = self._db.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def learn(self, key: str, value: str) -> None:
        """Keeps a fact, in place of what the key stood for; the oldest of too many is forgotten."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (key, value))
            db.execute("DELETE FROM fact WHERE rowid <= (SELECT max(rowid) FROM fact) - ?", (FACTS_KEPT,))

    def rejected(self) -> list[tuple[int, str, int, int]]:
        """(shard, member, number, rejected records) of each task with a reject, at each position."""
        with journal_errors(self.path):
            return self._db.execute(
                "SELECT shard, member, number, rejected FROM position JOIN task USING (shard) WHERE rejected"
            ).fetchall()

    def prune(self, encodings: Sequence[str]) -> None:
        """Forgets every shard that the plan has no position for, and segments in other encodings than these."""
        with journal_errors(self.path), self._db as db:
            db.execute("BEGIN")
            db.execute("DELETE FROM shard WHERE id NOT IN (SELECT shard FROM position)")
            for table in OF_SHARD:
                db.execute(f"DELETE FROM {table} WHERE shard NOT IN (SELECT id FROM shard)")  # noqa: S608 - our own tables
            unused = f"({', '.join('?' * len(encodings))})"
            db.execute(f"DELETE FROM segment WHERE encoding NOT IN {unused}", tuple(encodings))  # noqa: S608 - marks

    def files(self) -> set[str]:
        """Names of all files that the journal speaks of."""
        with journal_errors(self.path):
            return {
                name
                for (name,) in self._db.execute(
                    "SELECT path FROM part WHERE path IS NOT NULL UNION SELECT path FROM segment"
                    " UNION SELECT rejects FROM task WHERE rejects IS NOT NULL"
                )
            }


def _in_each(encodings: Sequence[str]) -> str:
    """A task without a chunk has no segment."""
    return " ".join(  # numbers of parameters alone are put in
        f"""AND (chunks = 0 OR EXISTS (SELECT 1 FROM segment
            WHERE segment.shard = task.shard AND segment.member = task.member AND segment.task = task.number
            AND encoding = ?{number}))"""  # noqa: S608
        for number in range(1, len(encodings) + 1)
    )
