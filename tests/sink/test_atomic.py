"""Atomic files: names, and messages with a remedy."""

import errno
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.sink.atomic import hidden_name, output_error, output_errors


def test_a_hidden_name_lies_beside_the_target() -> None:
    """A rename is atomic only inside one folder, and globs of inputs skip hidden names."""
    assert hidden_name(Path("out/result.csv"), "run-7.tmp") == Path("out/.result.csv.run-7.tmp")


def test_a_full_disk_says_how_much_is_free(tmp_path: Path) -> None:
    """The remedy for a full disk begins with how full it is, even where the folder is not there yet."""
    error = output_error(str(tmp_path / "new" / "file"), OSError(errno.ENOSPC, "x"))
    assert f"bytes are free in {tmp_path.resolve()}" in error.hint


def test_the_error_number_is_read_from_the_words_of_the_library() -> None:
    """The dataframe library raises errors without errno, but says it."""
    with (
        pytest.raises(OutputError, match="out: cannot be written: No space left on device") as caught,
        output_errors("out"),
    ):
        raise OSError("No space left on device (os error 28)")
    assert "free" in caught.value.hint


NUMBERS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP]


@pytest.mark.parametrize("number", [*NUMBERS, errno.ENAMETOOLONG, errno.EIO, errno.ENOLCK])
def test_the_remedy_names_the_setting_that_chose_the_path(number: int) -> None:
    """A user who named no sink for a file of run.state must not look for it in `sink`."""
    error = OSError(number, "x")
    assert "name another file in `sink`" in output_error("/x", error).hint
    assert "name another folder in `run.state`" in output_error("/x", error, "run.state").hint
