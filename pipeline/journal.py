"""The journal: which tasks are done, and their partials. A SQLite file that one run writes and its workers read.

It keeps what would otherwise grow with the input out of the parent's memory, and hands it back in canonical order
(law 3): the key sorts as (shard, number) does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.model import Outcome, ShardOrder, TablePart

_SCHEMA = """
CREATE TABLE task (
    shard TEXT, number INTEGER, name TEXT, chunks INTEGER, lines INTEGER, records INTEGER, rejected INTEGER,
    rejects TEXT,
    PRIMARY KEY (shard, number)
) WITHOUT ROWID;
CREATE TABLE part (
    shard TEXT, number INTEGER, "table" TEXT, rows INTEGER, path TEXT, inline BLOB,
    PRIMARY KEY (shard, number, "table")
) WITHOUT ROWID;
"""

_REJECTS = """
SELECT rejects, name, before FROM (
    SELECT *, coalesce(sum(lines) OVER (
        PARTITION BY shard ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS before FROM task
) WHERE rejects IS NOT NULL ORDER BY shard, number
"""


@dataclass(frozen=True, slots=True)
class RejectFile:
    """The rejects of one task, and how many lines of the shard lie before it."""

    path: str
    shard: str
    lines_before: int


def sort_key(order: ShardOrder) -> str:
    """Text that sorts as the tuple does, for up to 10^9 shards and members."""
    return ".".join(f"{number:09d}" for number in order)


class Journal:
    """The writing side. Not thread-safe: every call comes from one thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        with self._full_disk_named():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)

    def add(self, outcome: Outcome) -> None:
        """One task is done: its row and its parts, in one transaction. Twice the same task is an IntegrityError."""
        key = (sort_key(outcome.id.shard), outcome.id.number)
        with self._full_disk_named(), self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    outcome.shard_name,
                    outcome.chunks,
                    outcome.lines,
                    outcome.records,
                    outcome.rejected,
                    outcome.rejects,
                ),
            )
            self._db.executemany(
                "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)",
                [(*key, part.table, part.rows, part.path, part.inline) for part in outcome.partial],
            )

    @contextmanager
    def _full_disk_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"{self.path}: the journal cannot be written: {error}", "Is the disk of run.state full, or read-only?"
            ) from error

    def part_rows(self) -> int:
        """Rows of all tables of all partials: how much there is to combine."""
        (rows,) = self._db.execute("SELECT coalesce(sum(rows), 0) FROM part").fetchone()
        return int(rows)

    def close(self) -> None:
        """Ends the connection; may be called again."""
        self._db.close()


def _read(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)


def read_partials(path: str) -> Iterator[list[TablePart]]:
    """The partial of each task, in canonical order."""
    with closing(_read(path)) as db:
        rows = db.execute('SELECT shard, number, "table", rows, path, inline FROM part ORDER BY 1, 2, 3')
        current: tuple[str, int] | None = None
        parts: list[TablePart] = []
        for shard, number, *part in rows:
            if current != (shard, number) and parts:
                yield parts
                parts = []
            current = (shard, number)
            parts.append(TablePart(*part))
        if parts:
            yield parts


def read_rejects(path: str) -> Iterator[RejectFile]:
    """The tasks that have rejects, in canonical order."""
    with closing(_read(path)) as db:
        for row in db.execute(_REJECTS):
            yield RejectFile(*row)
