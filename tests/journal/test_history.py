"""The history of a job: what its runs did and what is left, read beside a run at work."""

from pathlib import Path

import orjson
import pytest

from pipeline.errors import OutputError
from pipeline.journal import Died, Done, Ended, Journal, Poison
from pipeline.journal.history import RUNS_SHOWN, read_history
from pipeline.journal.journal import RUNS_KEPT
from pipeline.model import ChunkId
from pipeline.testing.nouns import outcome_of, part_file


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    (tmp_path / "parts").mkdir()
    return Journal(str(tmp_path / "journal.sqlite"))


def test_a_history_tells_what_is_there_and_what_is_not(journal: Journal, tmp_path: Path) -> None:
    """Runs, pending shards, records, rejects, poison, what was left out, and the bytes of it all."""
    run = journal.begin_run()
    a, b, c = journal.add_shards("r", [(name, name, "v", 1) for name in "abc"])
    journal.place([("0", a, "a"), ("1", b, "b"), ("2", c, "c")])
    journal.apply([Done(a, "", outcome_of((0,), 0, records=5, rejected=2, rejects="r")), Ended(a, 1)])
    journal.apply([Died(b, "", ChunkId((1,), 0), 3, True, "killed", "b: chunk 0"), Ended(b, 2)])
    journal.leave_out("2", "c", "is gone")
    journal.end_run(run, 130, orjson.dumps({"records": 5}).decode())
    part_file(tmp_path / "parts" / "x", b"12345")
    history = read_history(journal.path)
    assert [(past.id, past.exit_code, past.account) for past in history.runs] == [(run, 130, {"records": 5})]
    assert (history.shards, history.pending, history.records, history.rejected) == (2, ("b",), 5, 2)
    assert history.poison == (Poison("b: chunk 0", 3, "killed"),)
    assert history.left_out == (("c", "is gone"),)
    files = [*tmp_path.glob("journal*"), tmp_path / "parts" / "x"]
    assert history.bytes == sum(path.stat().st_size for path in files)
    assert orjson.loads(orjson.dumps(history.document()))["pending"] == ["b"]
    journal.close()


def test_a_killed_run_has_no_end(journal: Journal) -> None:
    """It stays in the history as what it was, whatever the next run does."""
    journal.begin_run()
    journal.end_run(journal.begin_run(), 0, "{}")
    assert [run.exit_code for run in read_history(journal.path).runs] == [0, None]
    journal.close()


def test_old_runs_are_forgotten(journal: Journal) -> None:
    """A job from cron runs for years: its history has an end, and shows the newest."""
    for _ in range(RUNS_KEPT + 10):
        last = journal.begin_run()
    runs = read_history(journal.path).runs
    assert [run.id for run in runs] == list(range(last, last - RUNS_SHOWN, -1))
    (kept,) = journal._db.execute("SELECT count(*) FROM run").fetchone()
    assert kept <= RUNS_KEPT + 1
    journal.close()


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    """`status` says which file, and what to do."""
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"nothing of the kind " * 50)
    with pytest.raises(OutputError, match=r"journal\.sqlite: the journal is damaged"):
        read_history(str(path))
