"""The tables of the journal, and how its file is opened."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.errors import OutputError

RELEASE: Final = 1
"""Of the tables: a file with another one is not read."""

PARTS: Final = "parts"
"""The folder beside the journal with the files that it speaks of. It names them without the folder, which may move."""

_TABLES: Final = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, started REAL NOT NULL, ended REAL, exit_code INTEGER, account TEXT
);
-- One version of an input under one recipe. `tasks` is NULL until all of them are known. An id is never used again: it
-- is part of what names a result.
CREATE TABLE shard (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL, name TEXT NOT NULL, version TEXT,
    recipe TEXT NOT NULL, chunk_bytes INTEGER NOT NULL, tasks INTEGER
);
CREATE INDEX shard_recipe ON shard (recipe, identity);
-- The inputs of the last run in canonical order. One that is listed twice has two positions.
CREATE TABLE position (sort TEXT PRIMARY KEY, shard INTEGER NOT NULL, name TEXT NOT NULL) WITHOUT ROWID;
-- `member` is empty, or the place of a member in an archive that was listed as one input.
CREATE TABLE task (
    shard INTEGER, member TEXT, number INTEGER, chunks INTEGER, lines INTEGER, records INTEGER, rejected INTEGER,
    rejects TEXT, rejects_crc INTEGER,
    PRIMARY KEY (shard, member, number)
) WITHOUT ROWID;
-- `crc`, here and below: of the bytes or the file, see `damage`.
CREATE TABLE part (
    shard INTEGER, member TEXT, number INTEGER, "table" TEXT, rows INTEGER, path TEXT, inline BLOB,
    crc INTEGER,
    PRIMARY KEY (shard, member, number, "table")
) WITHOUT ROWID;
-- Row-wise jobs. `number` is that of the first chunk in it, `task` that of the task it is of.
CREATE TABLE segment (
    shard INTEGER, member TEXT, number INTEGER, encoding TEXT, task INTEGER, path TEXT, rows INTEGER, bytes INTEGER,
    crc INTEGER,
    PRIMARY KEY (shard, member, number, encoding)
) WITHOUT ROWID;
CREATE TABLE death (
    shard INTEGER, member TEXT, number INTEGER, deaths INTEGER, poison INTEGER, reason TEXT, place TEXT,
    PRIMARY KEY (shard, member, number)
) WITHOUT ROWID;
CREATE TABLE left_out (name TEXT, reason TEXT);
CREATE TABLE output (
    path TEXT PRIMARY KEY, result TEXT, bytes INTEGER, mtime_ns INTEGER, inode INTEGER
) WITHOUT ROWID;
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT);
"""

_FOREIGN: Final = "was written by another release of pipeline"

OF_SHARD: Final = ("task", "part", "segment", "death")
"""The tables whose rows go with their shard."""


@contextlib.contextmanager
def journal_errors(path: str, *, looking: bool = False) -> Iterator[None]:
    """Turns what SQLite and the system say into an OutputError about the file at `path`, which one is `looking` at or
    writes."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: the journal cannot be opened: {error.strerror}", "run.state says where it is."
        ) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        if isinstance(error, sqlite3.OperationalError):
            if looking:
                raise OutputError(f"{path}: the journal cannot be read: {error}") from error
            remedy = "Is the disk of run.state full, or read-only? The same command goes on once it can be written."
            raise OutputError(f"{path}: the journal cannot be written: {error}", remedy) from error
        raise unusable(path, f"is damaged: {error}") from error


def unusable(path: str, why: str) -> OutputError:
    """The error for a file that cannot be gone on with."""
    return OutputError(
        f"{path}: the journal {why}", "`pipeline reset CONFIG` forgets it; the next run does all the work."
    )


def open_writing(path: str) -> sqlite3.Connection:
    """The connection of the one run that writes. Raises OutputError for a file that is damaged or of another release.

    Every commit is on the disk when it returns (`synchronous = FULL`); commits are grouped, so that this costs little.
    """
    with journal_errors(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            (release,) = db.execute("PRAGMA user_version").fetchone()
            if release == 0:
                db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {RELEASE}; COMMIT;")
            elif release != RELEASE:
                raise unusable(path, _FOREIGN)  # noqa: TRY301 - closes it below
        except BaseException:
            db.close()
            raise
        return db


def open_looking(path: str) -> sqlite3.Connection | None:
    """A connection that changes nothing below run.state, not even where it could, and shows one moment of the journal;
    a run may be at work. None: nothing is recorded yet. Raises OutputError.

    A journal without its log has no run at work, and needs no lock, which would make one. Otherwise the index of the
    log is read as it is: test_looking_changes_nothing."""
    with journal_errors(path, looking=True):
        if not Path(path).exists() or not Path(path).stat().st_size:
            return None
        log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
        how = "immutable=1"
        if log.exists() and log.stat().st_size:  # an index that was lost is made anew
            how = "readonly_shm=1" if index.exists() else ""
        uri = f"{Path(path).absolute().as_uri()}?mode=ro&{how}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        try:
            (release,) = db.execute("PRAGMA user_version").fetchone()
            if release not in (0, RELEASE):
                raise unusable(path, _FOREIGN)  # noqa: TRY301 - closes it below
            db.execute("BEGIN")
        except BaseException:
            db.close()
            raise
        if release == 0:
            db.close()
            return None
        return db


def open_reading(path: str) -> sqlite3.Connection:
    """A connection beside that of the run, which may be at work or gone. The file must be there."""
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=rw", uri=True)


def parts_folder(path: str) -> str:
    """The folder of the files that the journal at `path` speaks of."""
    return str(Path(path).absolute().parent / PARTS)
