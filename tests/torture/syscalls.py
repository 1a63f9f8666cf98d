"""kill -9 of the parent at each system call, in turn, that changes its state or its output."""

from __future__ import annotations

from collections.abc import Iterator

from tests.torture.bench import Bench, Reference
from tests.torture.striking import ONE_AT_A_TIME, Strike, points, small_jobs, unavailable
from tests.torture.tally import Tally
from tests.torture.trial import Trial

KILLED = 137


def torture(bench: Bench) -> Iterator[Tally]:
    """Each call of a run of the aggregation, then of the row-wise job."""
    if reason := unavailable():
        yield bench.tally("syscalls", "of the parent", skipped=reason)
        return
    for reference in small_jobs(bench):
        yield _tally(bench, reference)


def _tally(bench: Bench, reference: Reference) -> Tally:
    tally = bench.tally("syscalls", f"of the parent, {reference.job.name}")
    with bench.trial(reference.job, settings=ONE_AT_A_TIME) as trial:
        whole = Strike(trial, "--parent")
        whole.run()
        count = whole.count()
    tally.count("calls", count)
    for at in points(count, bench.scale):
        with bench.trial(reference.job, settings=ONE_AT_A_TIME) as trial:
            tally.add(*kill_at(trial, reference, at, tally))
    return tally


def kill_at(trial: Trial, reference: Reference, at: int, tally: Tally) -> tuple[str, list[str]]:
    """Kills the run before its call number `at`, and resumes it."""
    strike = Strike(trial, "--parent")
    code = strike.run("--at", str(at))
    name = f"call {at}: {', '.join(strike.struck())}"
    if code == 0:
        tally.count("too late")
    elif code != KILLED:
        return name, [f"ended with exit code {code}: {trial.words[-300:]}"]
    return name, [*trial.survivors(), *trial.finish(reference.digest)]
