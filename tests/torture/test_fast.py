"""A handful of what `make torture` tries at length, at set events where there are any: each run does the same."""

import signal
from pathlib import Path

import pytest

from tests.torture.bench import Bench, make_bench, reference_of
from tests.torture.family import wait_until
from tests.torture.faults import fail_at
from tests.torture.jobs import bulk_job
from tests.torture.kills import kill_after
from tests.torture.signals import signal_now
from tests.torture.starts import start_many
from tests.torture.striking import ONE_AT_A_TIME, unavailable
from tests.torture.syscalls import kill_at
from tests.torture.tally import Tally
from tests.torture.trial import LONGEST_S
from tests.torture.workers import kill_workers

SUMS, ROWS = 0, 1

PATIENCE = 20
"""Nothing here is about time."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """An aggregation and a row-wise job of two dozen chunks."""
    return make_bench(tmp_path_factory.mktemp("t"), records=1000, runs=1, patience=PATIENCE)


@pytest.fixture
def tally() -> Tally:
    """Counts what nobody reads here."""
    return Tally("fast", "fast")


@pytest.mark.parametrize("job", [SUMS, ROWS], ids=["sums", "rows"])
def test_a_run_that_is_killed_again_and_again_is_resumed(bench: Bench, job: int) -> None:
    """kill -9 before the journal has a task, with its first, and in the midst of the resume: no worker is left each
    time, and the same command ends with the same bytes."""
    reference = bench.references[job]
    with bench.trial(reference.job) as trial:
        assert [problem for tasks in (0, 1, 12) for problem in kill_after(trial, tasks)] == []
        assert trial.finish(reference.digest) == []


def test_a_killed_worker_changes_nothing(tmp_path: Path, bench: Bench, tally: Tally) -> None:
    """A worker dies in a run with results of some bytes to some megabytes: the same bytes, nobody is blamed."""
    job = bulk_job(tmp_path / "bulk", chunks=40, largest=4 << 20)
    reference = reference_of(bench.folder, job)
    with bench.trial(job) as trial:
        assert kill_workers(trial, reference, bench.rng("workers"), 1, tally, pause_s=0.02) == []


@pytest.mark.parametrize(("number", "pause"), [(signal.SIGTERM, None), (signal.SIGINT, 0.0)], ids=["first", "second"])
def test_a_signal_ends_a_run_in_good_order(
    bench: Bench, number: signal.Signals, pause: float | None, tally: Tally
) -> None:
    """Within the grace, with its code, no orphan and no traceback; the second at once. The same command resumes."""
    reference = bench.references[ROWS]
    with bench.trial(reference.job) as trial:
        run = trial.start()
        wait_until(lambda: trial.tasks_done() >= 2 or run.poll() is not None, LONGEST_S)
        assert signal_now(trial, run, number, reference, group=False, pause=pause, tally=tally) == []


def test_of_five_starts_one_runs(bench: Bench, tally: Tally) -> None:
    """The others end with exit 75 and name it."""
    assert start_many(bench, 5, tally) == []


def test_a_run_killed_at_a_system_call_is_resumed(bench: Bench, tally: Tally) -> None:
    """kill -9 before a call that changes the state or the output."""
    if reason := unavailable():
        pytest.skip(reason)
    reference = bench.references[SUMS]
    with bench.trial(reference.job, settings=ONE_AT_A_TIME) as trial:
        _, problems = kill_at(trial, reference, 100, tally)
        assert problems == []


def test_a_full_disk_is_a_clean_failure(bench: Bench, tally: Tally) -> None:
    """ENOSPC from one write on: exit 73 with the path, nothing half; the same command ends it when there is room."""
    if reason := unavailable():
        pytest.skip(reason)
    reference = bench.references[ROWS]
    with bench.trial(reference.job, settings=ONE_AT_A_TIME) as trial:
        _, problems = fail_at(trial, reference, 60, "ENOSPC", on=True, tally=tally)
        assert problems == []
