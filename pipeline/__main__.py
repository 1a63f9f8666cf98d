"""`python -m pipeline`, and the `pipeline` command: takes the signals before anything else is imported."""

import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Runs one command; returns its exit code.

    Until the loop takes them over, and after it has ended, Ctrl-C and SIGTERM end the program at once and in silence:
    there is nothing to put in order, and Python's own way is a traceback.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # a job in the background of a script
            signal.signal(number, _end)
    from pipeline.cli import main as command_line  # noqa: PLC0415 - see above

    return command_line()


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
