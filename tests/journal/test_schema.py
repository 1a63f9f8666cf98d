"""How the file of the journal is opened."""

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.journal import Journal
from pipeline.journal.history import History, read_history
from pipeline.journal.schema import open_looking


def begun_and_killed(path: str) -> None:
    Journal(path).begin_run()
    os.kill(os.getpid(), signal.SIGKILL)


def files(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that there is, with sizes, times and contents; an index that this process has open notes its own readers."""
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns, b"" if "-shm" in path.name else path.read_bytes())
        for path in folder.iterdir()
        if path.is_file()
    }


def test_a_journal_that_cannot_be_made_is_an_error_of_the_place(tmp_path: Path) -> None:
    """What the system says comes with the path, as what SQLite says does: not as a fault of our own."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="the journal cannot be opened: Not a directory"):
        Journal(str(tmp_path / "file" / "journal.sqlite"))


@pytest.mark.parametrize("ended", ["well", "killed", "not yet"])
def test_looking_changes_nothing(tmp_path: Path, ended: str) -> None:
    """`status` and `plan` work where the state cannot be written, and see all that a killed run has left in the log."""
    path = str(tmp_path / "journal.sqlite")
    if ended == "killed":
        child = multiprocessing.get_context("fork").Process(target=begun_and_killed, args=(path,))
        child.start()
        child.join()
    else:
        journal = Journal(path)
        journal.begin_run()
        if ended == "well":
            journal.close()
    before = files(tmp_path)
    assert len(read_history(path).runs) == 1
    db = open_looking(path)
    assert db is not None
    with closing(Journal(path, db)) as asked:
        assert asked.shards("r") == []
    assert files(tmp_path) == before
    if ended == "not yet":
        journal.close()


@pytest.mark.parametrize("made", ["nothing", "a file", "no tables"])
def test_what_was_only_begun_has_nothing_recorded(tmp_path: Path, made: str) -> None:
    """A first run on a full disk: that is no journal of another release."""
    path = tmp_path / "journal.sqlite"
    if made == "a file":
        path.touch()
    elif made == "no tables":
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
    assert read_history(str(path)) == History()
    assert open_looking(str(path)) is None


def test_another_release_is_named(tmp_path: Path) -> None:
    """What cannot be read is not guessed at."""
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="another release"):
        read_history(str(path))
