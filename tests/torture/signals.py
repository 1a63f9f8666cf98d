"""SIGINT and SIGTERM at any instant: an end in good order within the grace, at once at the second signal."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.torture.bench import Bench, Reference
from tests.torture.family import wait_until
from tests.torture.tally import Tally
from tests.torture.trial import LONGEST_S, Trial

SIGNALS, SECOND_SIGNALS = 200, 50
GRACE_S, AT_ONCE_S = 6.0, 0.5
LOCKED = 75


def torture(bench: Bench) -> Iterator[Tally]:
    """To the parent or, as a terminal does, to its whole group."""
    for case, count, twice in (("the first", SIGNALS, False), ("the second", SECOND_SIGNALS, True)):
        tally = bench.tally("signals", case)
        for number in range(bench.scaled(count)):
            reference = bench.references[number % len(bench.references)]
            rng = bench.rng("signals", case, number)
            with bench.trial(reference.job) as trial:
                name, problems = signal_at_random(trial, reference, rng, twice=twice, tally=tally)
                tally.add(f"#{number} {reference.job.name}, {name}", problems)
        yield tally


def signal_at_random(
    trial: Trial, reference: Reference, rng: random.Random, *, twice: bool, tally: Tally
) -> tuple[str, list[str]]:
    """Signals a run at an instant that is as likely as any other, and resumes it."""
    number = rng.choice((signal.SIGINT, signal.SIGTERM))
    send = rng.choice((os.kill, os.killpg))
    run = trial.start()
    wait_until(lambda: takes_signals(run.pid), LONGEST_S)
    instant, pause = rng.uniform(0, reference.seconds), rng.uniform(0, 0.05)
    name = f"{number.name} by {send.__name__} at {instant:.3f} s" + (f" and {pause:.3f} s later" if twice else "")
    try:
        run.wait(instant)
    except subprocess.TimeoutExpired:
        return name, signal_now(
            trial, run, number, reference, group=send is os.killpg, pause=pause if twice else None, tally=tally
        )
    tally.count("too late")
    return name, trial.finish(reference.digest)


def signal_now(
    trial: Trial,
    run: subprocess.Popen[bytes],
    number: signal.Signals,
    reference: Reference,
    *,
    group: bool,
    pause: float | None,
    tally: Tally,
) -> list[str]:
    """Returns all that was wrong with how it ended, and with the run after it."""
    send = os.killpg if group else os.kill
    limit = GRACE_S * trial.patience
    try:
        send(run.pid, number)
        if pause is not None:
            time.sleep(pause)
            limit = AT_ONCE_S * trial.patience
            send(run.pid, number)
    except ProcessLookupError:
        pass  # ended meanwhile
    since = time.monotonic()
    try:
        code = run.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        return [f"did not end within {LONGEST_S:g} s"]
    seconds = time.monotonic() - since
    tally.most("slowest end s", seconds)
    problems = [f"took {seconds:.2f} s to end"] if seconds > limit else []
    problems += trial.survivors()
    problems += _how_it_ended(trial, reference, code, 128 + number)
    tally.count("in time" if code else "too late")
    return [*problems, *_next_run(trial, reference, tally)]


def takes_signals(pid: int) -> bool:
    """From when on it has a handler of its own; before, the interpreter is not up."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def _how_it_ended(trial: Trial, reference: Reference, code: int, expected: int) -> list[str]:
    words = trial.words
    problems = [f"traceback: {words[-600:]}"] if "Traceback" in words else []
    if code == 0:  # it came too late
        return [*problems, *trial.output_wrong(reference.digest)]
    if code not in (expected, 128 - expected):  # the interpreter lets go of its handlers in its last milliseconds
        problems.append(f"exit code {code}, not {expected}: {words.strip()[-300:]}")
    if trial.digest() not in ("", reference.digest):
        problems.append("a half output is to be seen")
    return problems


def _next_run(trial: Trial, reference: Reference, tally: Tally) -> list[str]:
    """Started at once: it has the lock, and does what is left."""
    problems = trial.finish(reference.digest)
    if any(f"exit code {LOCKED}" in problem for problem in problems):
        tally.count("locked out")
    return problems
