"""The standard streams: results to standard output, everything else to standard error, and neither held for ever.

Both are written past Python's own buffers: what is left in those is written when the interpreter ends, where a full
disk or a reader that has gone is a traceback nobody asked for.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, TextIO

from pipeline.sink.standard_output import standard_output_error

STANDARD_OUTPUT: Final = 1

PATIENCE_S: Final = 5.0
"""How long a text for standard error waits for a reader who does not read, before the rest of it is given up. A run
that is done must end: its exit code and its summary say what its account would have said. A terminal is waited for:
who has stopped it is still there."""


def hold_streams() -> None:
    """Puts the null device where a standard stream is closed, before the next file that is opened takes its number
    and receives what was meant for people. As standard output it is open for reading only: writing results fails."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 2 else os.O_RDONLY)  # takes the lowest free number
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - as long as the program


def results_on_terminal() -> bool:
    """Whether a person looks at the results."""
    return os.isatty(STANDARD_OUTPUT)


def write_results(lines: Iterable[str]) -> None:
    """Writes lines to standard output and is done when its reader, or the pipe, has them all: a slow reader is waited
    for. Raises OutputError; ReaderGone where nobody wants more."""
    data = memoryview("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    try:
        while data:
            data = data[os.write(STANDARD_OUTPUT, data) :]
    except OSError as error:
        raise standard_output_error(error) from error


def say(text: str, stream: TextIO, patience_s: float | None = PATIENCE_S) -> None:
    """Writes to `stream`, standard error as a rule, waiting `patience_s` at a time for its reader (None: for ever).
    What cannot be written is nobody's loss: it is no result, and ends no run."""
    with suppress(OSError, ValueError):  # full, closed, or its reader has gone
        descriptor = _descriptor(stream)
        if descriptor is None:
            stream.write(text)
            stream.flush()
            return
        patience_ms = None if patience_s is None or os.isatty(descriptor) else patience_s * 1000
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        left = memoryview(text.encode(stream.encoding or "utf-8", "backslashreplace"))
        # What is ready takes PIPE_BUF bytes without blocking: test_a_reader_who_does_not_read_holds_nothing_up.
        while left and ready.poll(patience_ms):
            left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        return None
