"""The place of an output: tried out, locked, and left as it was."""

import errno
import os
from pathlib import Path

import pytest

from pipeline.errors import Busy, OutputError
from pipeline.sink.atomic import Disk
from pipeline.sink.lock import Lock
from pipeline.sink.place import Place
from pipeline.testing.steps import Crash, StepDisk, crash


def place(path: Path, run: str = "r", disk: Disk | None = None) -> Place:
    return Place(str(path), job="flights", run=run, disk=disk or Disk())


def try_out(path: Path, disk: Disk | None = None) -> None:
    tried = place(path, disk=disk)
    tried.take()
    tried.leave()


def test_a_name_of_full_length_has_hidden_names(tmp_path: Path) -> None:
    """The longest name a file system takes is a name for an output too."""
    long = place(tmp_path / ("é" * 127), "run-0123456789-0123456789abcdef")
    long.take()
    long.temporary.touch()
    long.leave()
    assert os.listdir(tmp_path) == []


def test_a_trial_leaves_nothing_but_folders(tmp_path: Path) -> None:
    """A run that goes no further has made no file, and the old output is as it was."""
    (tmp_path / "old").write_text("old")
    try_out(tmp_path / "old")
    try_out(tmp_path / "new" / "deep" / "file")
    assert (tmp_path / "old").read_text() == "old"
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["new", "new/deep", "old"]


def test_new_folders_are_made_durable(tmp_path: Path) -> None:
    """A file in a folder whose own name is lost is lost as well."""
    names: list[str] = []
    try_out(tmp_path / "a" / "b" / "file", StepDisk(names.append))
    assert names[:2] == [f"sync folder {tmp_path.name}", "sync folder a"]


def test_what_a_killed_run_left_goes(tmp_path: Path) -> None:
    """The lock file of a dead run names its temporary file, and only that goes: files of other outputs, of runs that
    live and of the user stay."""

    def killed(name: str) -> None:
        if name.startswith("remove"):
            crash(name)

    dead = place(tmp_path / "out.csv", "run-1", StepDisk(killed))
    dead.take()
    dead.temporary.touch()
    with pytest.raises(Crash):
        dead.leave()
    others = [".out.csv.gz.run-1.tmp", ".out.csv.keep.tmp", ".out.run-1.tmp", ".other.csv.run-1.tmp"]
    for name in others:
        (tmp_path / name).touch()
    assert sorted(os.listdir(tmp_path)) == sorted([*others, ".out.csv.pipeline.lock", ".out.csv.run-1.tmp"])
    try_out(tmp_path / "out.csv")
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_a_run_that_lives_keeps_its_temporary_file(tmp_path: Path) -> None:
    """A second run of the same output, or of one whose name begins alike, takes nothing away."""
    living = place(tmp_path / "out.csv", "run-1")
    living.take()
    living.temporary.write_text("half")
    with pytest.raises(Busy):
        place(tmp_path / "out.csv", "run-2").take()
    try_out(tmp_path / "out")
    assert living.temporary.read_text() == "half"
    living.leave()
    assert os.listdir(tmp_path) == []


def test_an_owner_who_has_not_signed_yet_is_busy_as_well(tmp_path: Path) -> None:
    """Between the taking and the signing lies a moment, and another run may ask in it."""
    owner = Lock(tmp_path / ".out.pipeline.lock")
    owner.take()
    with pytest.raises(Busy, match="it has only just begun"):
        place(tmp_path / "out").take()
    owner.let_go()


def test_a_lock_file_that_nobody_can_read_is_no_obstacle(tmp_path: Path) -> None:
    """A power cut may leave it empty or torn; and what it says never leads out of the folder."""
    for content in (b"", b"{", b'{"pid": 1, "job": "j", "run": "../x"}', b"\xff" * 9000):
        (tmp_path / ".out.pipeline.lock").write_bytes(content)
        try_out(tmp_path / "out")
        assert os.listdir(tmp_path) == []


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """Who may write in the folder must not have this user overwrite a file elsewhere."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".out.pipeline.lock").symlink_to("precious")
    with pytest.raises(OutputError, match="Too many levels of symbolic links"):
        place(tmp_path / "out").take()
    assert (tmp_path / "precious").read_text() == "precious"


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
        Place(f"{tmp_path}/{path}", job="j", run="r", disk=Disk()).take()
    assert caught.value.hint
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_the_trial_is_named(tmp_path: Path, number: int) -> None:
    """What the system says at any step of the trial is passed on with a remedy, and nothing is left."""

    def refuse(name: str) -> None:
        if name.startswith("sync file"):
            raise OSError(number, os.strerror(number))

    place = Place(str(tmp_path / "out"), job="j", run="r", disk=StepDisk(refuse))
    with pytest.raises(OutputError, match=os.strerror(number)) as caught:
        place.take()
    place.leave()
    assert caught.value.hint
    assert os.listdir(tmp_path) == []
