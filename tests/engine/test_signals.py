"""Signals: one ends the run in order, two end it now."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from pipeline.engine.signals import Interrupted, Stop, run_interruptible


def test_without_a_signal_the_result_is_the_coroutines() -> None:
    """Nothing is added to a run that nobody interrupts."""

    async def main(_stop: Stop) -> int:
        return 7

    assert run_interruptible(main) == 7


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_lets_the_run_put_itself_in_order(number: signal.Signals, code: int) -> None:
    """The coroutine is cancelled, its clean-up runs to the end, and the code says which signal it was."""
    cleaned: list[str] = []

    async def main(_stop: Stop) -> int:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("done")
        return 0

    with pytest.raises(Interrupted) as error:
        run_interruptible(main)
    assert error.value.exit_code == code
    assert cleaned == ["done"]


def test_an_error_on_the_way_out_is_not_the_reason() -> None:
    """A run that was stopped ends with the signal's code, whatever its clean-up met."""

    async def main(_stop: Stop) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("on the way out") from None
        return 0

    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        run_interruptible(main)


def test_a_signal_after_the_result_is_too_late() -> None:
    """What is done is done, and the exit code says so."""

    async def main(stop: Stop) -> int:
        stop.is_too_late()
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10):
            await asyncio.sleep(0)
        return 7

    assert run_interruptible(main) == 7


_STUBBORN = """
import asyncio, sys
from pipeline.engine.signals import run_interruptible

async def main(stop):
    while True:
        try:
            print("on", flush=True)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

run_interruptible(main)
"""


def test_the_second_signal_ends_the_process_at_once() -> None:
    """Even one whose clean-up never ends."""
    with subprocess.Popen([sys.executable, "-c", _STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == b"on\n"
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
