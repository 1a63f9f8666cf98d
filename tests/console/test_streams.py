"""The standard streams: nobody who does not read holds anything up, and nothing is lost in a buffer."""

import io
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pipeline.console.streams import say, write_results
from pipeline.errors import OutputError


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def test_a_reader_who_does_not_read_holds_nothing_up(pipe: tuple[int, int]) -> None:
    """A text for a full pipe is given up when its time is over; what the pipe has taken is whole and in order."""
    text = "x" * 1_000_000
    with os.fdopen(pipe[1], "w", closefd=False) as stream:
        say(text, stream, patience_s=0)
    os.close(pipe[1])
    with os.fdopen(pipe[0], closefd=False) as reader:
        taken = len(reader.read())
    assert 0 < taken < len(text)


def test_what_nobody_reads_is_no_error(pipe: tuple[int, int]) -> None:
    """`2>&1 | head`, and a stream that is closed: the run ends as it would have."""
    os.close(pipe[0])
    with os.fdopen(pipe[1], "w", closefd=False) as stream:
        say("text", stream)
    say("text", stream)


def test_a_stream_in_memory_gets_the_text() -> None:
    """Observers may be given any stream."""
    stream = io.StringIO()
    say("text", stream)
    assert stream.getvalue() == "text"


def test_results_are_written_when_the_call_returns(capfd: pytest.CaptureFixture[str]) -> None:
    """A line each, to the descriptor itself."""
    write_results(["a", "é\udc80"])
    assert capfd.readouterr().out == "a\né\\udc80\n"


def test_a_reader_who_has_enough_ends_the_results_in_silence(pipe: tuple[int, int]) -> None:
    """EPIPE is an OutputError with exit code 0."""
    os.close(pipe[0])
    kept = os.dup(1)
    try:
        os.dup2(pipe[1], 1)
        with pytest.raises(OutputError) as error:
            write_results(["a"])
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert error.value.exit_code == 0
