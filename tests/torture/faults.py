"""A full disk and a faulty one: every call that changes state or output fails in turn, once, or from then on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from tests.torture.bench import Bench, Reference
from tests.torture.striking import ONE_AT_A_TIME, Strike, points, small_jobs, unavailable
from tests.torture.tally import Tally
from tests.torture.trial import Trial

CANNOT_WRITE = 73


def torture(bench: Bench) -> Iterator[Tally]:
    """ENOSPC and EIO, single and persistent, in the parent and its workers, for both jobs."""
    if reason := unavailable():
        yield bench.tally("faults", "of the disk", skipped=reason)
        return
    for reference in small_jobs(bench):
        with bench.trial(reference.job, settings=ONE_AT_A_TIME) as trial:
            whole = Strike(trial)
            whole.run()
            count = whole.count()
        for error in ("ENOSPC", "EIO"):
            for on in (False, True):
                yield _tally(bench, reference, count, error, on=on)


def _tally(bench: Bench, reference: Reference, count: int, error: str, *, on: bool) -> Tally:
    tally = bench.tally("faults", f"{error} {'from then on' if on else 'once'}, {reference.job.name}")
    tally.count("calls", count)
    for at in points(count, bench.scale):
        with bench.trial(reference.job, settings=ONE_AT_A_TIME) as trial:
            tally.add(*fail_at(trial, reference, at, error, on=on, tally=tally))
    return tally


def fail_at(
    trial: Trial, reference: Reference, at: int, error: str, *, on: bool, tally: Tally
) -> tuple[str, list[str]]:
    """Lets call number `at` fail; then the same command again, over a sound disk."""
    strike = Strike(trial)
    try:
        code = strike.run("--at", str(at), "--error", error, *(["--on"] if on else []))
    except subprocess.TimeoutExpired:
        return f"call {at}: {', '.join(strike.struck()[:1])}", ["hung"]
    problems = _how_it_ended(trial, reference, code)
    tally.count("ended well all the same" if code == 0 else "ended with an error")
    name = f"call {at}: {', '.join(strike.struck()[:1])}"
    return name, [*problems, *(f"then {problem}" for problem in trial.finish(reference.digest))]


def _how_it_ended(trial: Trial, reference: Reference, code: int) -> list[str]:
    """A success has the whole result; a failure is clean, says where, and shows nothing half."""
    words = trial.words
    problems = [f"traceback: {words[-600:]}"] if "Traceback" in words else []
    if code == 0:
        return [*problems, *trial.output_wrong(reference.digest)]
    if code != CANNOT_WRITE:
        problems.append(f"exit code {code}: {words.strip()[-600:]}")
    elif str(trial.work) not in words:
        problems.append(f"names no path: {words.strip()[-300:]}")
    if trial.digest() not in ("", reference.digest):
        problems.append("a half output is to be seen")
    return problems
