"""The lock of a job on a disk that is full."""

from pathlib import Path

import pytest

from pipeline.engine.lock import locked
from pipeline.errors import OutputError


async def test_a_lock_that_cannot_be_written_is_an_error_of_the_place() -> None:
    """What the system says of the lock comes with its path and exit code 73, not as a fault of our own."""
    with pytest.raises(OutputError, match="/dev/full"):
        async with locked(Path("/dev/full"), 0):
            pass
