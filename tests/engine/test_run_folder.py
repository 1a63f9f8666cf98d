"""The folder of a run is private and goes with it."""

import stat
from pathlib import Path

import pytest

from pipeline.engine.run_folder import run_folder
from pipeline.errors import OutputError


def test_the_folder_is_private_and_goes_with_the_run(tmp_path: Path) -> None:
    """0700 while the run lasts, and nothing of it afterwards."""
    with run_folder(str(tmp_path / "state"), "job") as folder:
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        Path(folder, "segment").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_it_goes_also_when_the_run_fails(tmp_path: Path) -> None:
    """An error leaves nothing behind either."""
    with pytest.raises(ValueError, match="x"), run_folder(str(tmp_path / "state"), "job"):
        raise ValueError("x")
    assert list(tmp_path.iterdir()) == []


def test_another_run_of_the_job_is_left_alone(tmp_path: Path) -> None:
    """Two runs at once have a folder each."""
    with run_folder(str(tmp_path), "job") as one:
        with run_folder(str(tmp_path), "job") as other:
            assert one != other
        assert Path(one).is_dir()


def test_a_place_that_takes_no_folder_is_named(tmp_path: Path) -> None:
    """The path, and the key that says where it goes."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match=r"file/job/run-.*: Not a directory\n.*run\.state"),
        run_folder(str(tmp_path / "file"), "job"),
    ):
        pass


def test_a_folder_that_was_there_before_stays(tmp_path: Path) -> None:
    """What somebody else has made is not ours to remove."""
    (tmp_path / "state").mkdir()
    with run_folder(str(tmp_path / "state"), "job"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["state"]
