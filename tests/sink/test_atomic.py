"""Atomic files: names, the probe, and messages with a remedy."""

import errno
import os
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.sink.atomic import Disk, output_error, output_errors, probe, temporary_name
from pipeline.testing.steps import StepDisk


def test_the_temporary_name_is_hidden_beside_the_target() -> None:
    """A rename is atomic only inside one folder, and globs of inputs skip hidden names."""
    assert temporary_name(Path("out/result.csv"), "run-7") == Path("out/.result.csv.run-7.tmp")


def test_a_name_of_full_length_has_a_temporary_name(tmp_path: Path) -> None:
    """The longest name a file system takes is a name for an output too."""
    target = tmp_path / ("é" * 127)
    probe(str(target), "run-0123456789-abcdef", Disk())
    assert len(os.fsencode(temporary_name(target, "run-7").name)) < 255


def test_the_probe_leaves_nothing_but_folders(tmp_path: Path) -> None:
    """A run that goes no further has made no file, and the old output is as it was."""
    (tmp_path / "old").write_text("old")
    probe(str(tmp_path / "old"), "r", Disk())
    probe(str(tmp_path / "new" / "deep" / "file"), "r", Disk())
    assert (tmp_path / "old").read_text() == "old"
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["new", "new/deep", "old"]


def test_new_folders_are_made_durable(tmp_path: Path) -> None:
    """A file in a folder whose own name is lost is lost as well."""
    names: list[str] = []
    probe(str(tmp_path / "a" / "b" / "file"), "r", StepDisk(names.append))
    assert names[:2] == [f"sync folder {tmp_path.name}", "sync folder a"]


def test_the_probe_clears_what_a_killed_run_left(tmp_path: Path) -> None:
    """Temporary files of this output go; those of another, and files of the user, stay."""
    for name in (".out.csv.run-1.tmp", ".out.csv.gz.tmp.keep", ".out.tmp", ".other.csv.run-1.tmp"):
        (tmp_path / name).touch()
    probe(str(tmp_path / "out.csv"), "run-2", Disk())
    assert sorted(os.listdir(tmp_path)) == [".other.csv.run-1.tmp", ".out.csv.gz.tmp.keep", ".out.tmp"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("folder", "folder: the output is a folder"),
        ("new/", "new/: the output is a folder"),
        ("file/below", "file/below: cannot be written: Not a directory"),
        ("file/far/below", "file/far/below: cannot be written: Not a directory"),
    ],
)
def test_a_path_that_cannot_be_an_output_is_refused(tmp_path: Path, path: str, says: str) -> None:
    """Each message names the path as configured and what stands in the way."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=says) as caught:
        probe(f"{tmp_path}/{path}", "r", Disk())
    assert caught.value.hint
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_the_probe_is_named(tmp_path: Path, number: int) -> None:
    """What the system says at any step of the probe is passed on with a remedy, and nothing is left."""

    def refuse(name: str) -> None:
        if name.startswith("sync file"):
            raise OSError(number, os.strerror(number))

    with pytest.raises(OutputError, match=os.strerror(number)) as caught:
        probe(str(tmp_path / "out"), "r", StepDisk(refuse))
    assert caught.value.hint
    assert os.listdir(tmp_path) == []


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
