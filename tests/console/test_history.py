"""`pipeline status` as text."""

from pipeline.console.history import SHOWN, lines
from pipeline.journal import Poison
from pipeline.journal.history import History, PastRun


def text(history: History) -> str:
    return "\n".join(lines("flights", ".pipeline/flights", history))


def test_a_job_that_never_ran_says_so() -> None:
    """Not a table of zeros: the name, and what may be wrong."""
    assert text(History()) == "flights: has not run yet, or not with this run.state"


def test_each_run_is_a_line_with_its_end() -> None:
    """What it did, how long it took and its exit code; a killed one has none; an error is there with its first line."""
    done = PastRun(3, 1000.0, 1012.0, 0, {"shards_fetched": 2, "shards_same": 1000, "records": 12345})
    killed = PastRun(2, 900.0, None, None)
    failed = PastRun(1, 800.0, 801.0, 65, {"error": "a.csv: corrupt\n  Fetch it again."})
    shown = [line for line in text(History((done, killed, failed), shards=1002)).splitlines() if line.startswith(" ")]
    assert "exit 0" in shown[0]
    assert "2 shards read, 1,000 unchanged, 12,345 records" in shown[0]
    assert shown[1].endswith("was killed")
    assert shown[2].endswith("a.csv: corrupt")


def test_a_run_at_work_is_told_from_one_that_was_killed() -> None:
    """The process that has the job is that of the newest run; what an older one has no end of was killed."""
    history = History((PastRun(2, 900.0, None, None), PastRun(1, 800.0, None, None)))
    shown = [line for line in lines("j", "s", history, "process 7 on h") if line.startswith(" ")]
    assert [line.split("  ")[2] for line in shown] == ["at work: process 7 on h", "was killed"]


def test_what_is_pending_is_named_up_to_a_limit() -> None:
    """A job of 100,000 shards fits a screen; the number is always whole."""
    pending = tuple(f"{number}.csv" for number in range(SHOWN + 5))
    shown = text(History((PastRun(1, 0.0, 1.0, 0),), pending=pending))
    assert f"pending: {SHOWN + 5} shards" in shown
    assert f"{SHOWN - 1}.csv" in shown
    assert f"{SHOWN}.csv" not in shown
    assert "and 5 more" in shown


def test_names_cannot_write_to_the_terminal() -> None:
    """Names and reasons come from data and servers: no control character reaches the screen."""
    history = History(
        (PastRun(1, 0.0, 1.0, 1, {"error": "\x1b[2J"}),),
        pending=("a\x1b[31m",),
        poison=(Poison("b\x07: chunk 1", 3, "killed\x1b"),),
        left_out=(("c\r", "gone\x1b"),),
        rejected=2,
        records=10,
    )
    shown = text(history)
    assert not set(shown) & {"\x1b", "\x07", "\r"}
    assert "given up: 1 chunk" in shown
    assert "rejected: 2 records of 10" in shown
