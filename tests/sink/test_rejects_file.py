"""The file of rejects: about the last run, whole, and in two phases."""

import asyncio
import os
from pathlib import Path

import pytest

from pipeline.errors import Busy, OutputError
from pipeline.sink.rejects_file import RejectsFile
from pipeline.testing.steps import Crash, StepDisk, Steps, crash, fault


async def join(path: str) -> None:
    await asyncio.to_thread(Path(path).write_text, "new")


def rejects_file(path: Path, count: int, steps: Steps | None = None, run: str = "r") -> RejectsFile:
    disk = StepDisk(steps or Steps())
    return RejectsFile(str(path), count, join, job="j", run=run, disk=disk)


async def through(rejects: RejectsFile) -> None:
    try:
        await rejects.prepare()
        await rejects.show()
    finally:
        await rejects.abort()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "job.rejects.ndjson"


async def test_preparing_changes_nothing(target: Path) -> None:
    """The file speaks of the last run whose outputs are there, so it waits for them."""
    target.write_text("old")
    for count in (0, 1):
        rejects = rejects_file(target, count)
        await rejects.prepare()
        assert target.read_text() == "old"
        await rejects.abort()
        assert os.listdir(target.parent) == [target.name]
    await through(rejects_file(target, 1))
    assert target.read_text() == "new"


async def test_the_file_of_an_earlier_run_goes_when_there_are_none_now(target: Path) -> None:
    """What is there is about the last run."""
    target.write_text("old")
    await through(rejects_file(target, 0))
    assert os.listdir(target.parent) == []


async def test_no_rejects_make_no_folder(tmp_path: Path) -> None:
    """A clean run leaves no empty file or folder for its rejects."""
    await through(rejects_file(tmp_path / "none" / "x.rejects.ndjson", 0))
    assert os.listdir(tmp_path) == []


async def test_rejects_make_their_folder(tmp_path: Path) -> None:
    """Where every sink is a stream, nobody has made the folder before."""
    await through(rejects_file(tmp_path / "out" / "x.rejects.ndjson", 1))
    assert os.listdir(tmp_path / "out") == ["x.rejects.ndjson"]


@pytest.mark.parametrize("count", [0, 1])
async def test_every_crash_leaves_the_old_or_the_new_file(target: Path, count: int) -> None:
    """Law 5 holds for the rejects as well; the next run clears what a dead one left."""
    new = "new" if count else None
    target.write_text("old")
    steps = Steps()
    await through(rejects_file(target, count, steps))
    for number in range(len(steps.names)):
        target.write_text("old")
        with pytest.raises(Crash):
            await through(rejects_file(target, count, Steps(number, crash, for_ever=True)))
        assert (target.read_text() if target.exists() else None) in ("old", new)
        await through(rejects_file(target, 1, run="r2"))
        assert os.listdir(target.parent) == [target.name]


async def test_a_fault_of_the_disk_is_an_output_error(target: Path) -> None:
    """Never silence, never half a file."""
    target.write_text("old")
    steps = Steps()
    await through(rejects_file(target, 1, steps))
    for number, name in enumerate(steps.names):
        target.write_text("old")
        try:
            await through(rejects_file(target, 1, Steps(number, fault)))
        except OutputError:
            assert target.read_text() == "old" or name.startswith("sync folder")
        else:
            assert name.startswith("remove")
            assert target.read_text() == "new"


async def test_two_runs_do_not_write_it_at_once(target: Path) -> None:
    """Both would have the same name for it."""
    first = rejects_file(target, 1)
    await first.prepare()
    with pytest.raises(Busy):
        await through(rejects_file(target, 1, run="r2"))
    await first.show()
    assert os.listdir(target.parent) == [target.name]
