"""The first and the last moments of the program: signals that come when there is no loop."""

import signal
import subprocess
import sys

import pytest

# Stops at its first import of ours, or where the results are written, until the signal is there.
_EARLY = """
import importlib.abc, sys

class Stop(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "pipeline.cli":
            print("here", flush=True)
            sys.stdin.read()

sys.meta_path.insert(0, Stop())
from pipeline.__main__ import main
sys.exit(main())
"""
_LATE = """
import sys
from pipeline.__main__ import main
import pipeline.cli
from pipeline.engine.signals import run_interruptible

async def nothing(stop):
    return 0

def command(argv=None):
    run_interruptible(nothing)
    print("here", flush=True)
    sys.stdin.read()

pipeline.cli.main = command
sys.exit(main())
"""


@pytest.mark.parametrize("program", [_EARLY, _LATE])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_without_a_loop_ends_the_program_in_silence(program: str, number: signal.Signals, code: int) -> None:
    """Before the loop has begun (imports) and after it has ended (the last printing): its code, and no traceback."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (code, b"")
