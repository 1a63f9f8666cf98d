"""The state of a job: private, swept of what the dead have left, and never sure of files that are gone."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.engine.run_folder import make_private
from pipeline.engine.state import job_state, journal_path
from pipeline.errors import OutputError
from pipeline.journal import Done, Ended
from pipeline.testing.nouns import outcome_of, part_file
from pipeline.testing.steps import StepDisk, Steps


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


async def test_everything_is_private(state: str) -> None:
    """Partials and rejects hold data: 0700 and 0600, whatever the umask."""
    before = os.umask(0)
    try:
        async with job_state(state, "job", 0) as opened:
            opened.journal.begin_run()
            modes = {path: path.stat().st_mode for path in Path(state).rglob("*")}
    finally:
        os.umask(before)
    assert {stat.S_IMODE(mode) for mode in modes.values() if stat.S_ISDIR(mode)} == {0o700}
    assert {stat.S_IMODE(mode) for mode in modes.values() if not stat.S_ISDIR(mode)} == {0o600}
    assert Path(opened.scratch) in modes


async def test_what_a_run_leaves_is_the_journal_its_lock_and_its_parts(state: str) -> None:
    """No scratch folder, and no file that SQLite keeps only for a writer."""
    async with job_state(state, "job", 0) as opened:
        Path(opened.scratch, "spool").touch()
        opened.journal.begin_run()
    assert sorted(path.name for path in Path(state, "job").iterdir()) == ["journal.sqlite", "lock", "parts"]


async def test_no_two_runs_make_files_of_the_same_name(state: str) -> None:
    """A part that was not journaled must not be taken for one of a later run that was."""
    starts = []
    for _ in range(2):
        async with job_state(state, "job", 0) as opened:
            starts.append(opened.part_start)
            assert opened.part_start.startswith(f"{opened.parts}/{opened.run}")
    assert len(set(starts)) == 2


async def test_what_a_killed_run_left_goes(state: str) -> None:
    """Its scratch folder, and the parts that never reached the journal; those that did stay."""
    async with job_state(state, "job", 0) as opened:
        (shard,) = opened.journal.add_shards("r", [("id", "a", "v", 1)])
        kept = part_file(opened.parts / "kept", b"x")
        opened.journal.apply([Done(shard, "", outcome_of((0,), 0, parts=[kept])), Ended(shard, 1)])
        (opened.parts / "lost").touch()
    dead = Path(state, "job", "run-1-dead")
    dead.mkdir()
    (dead / "spool").touch()
    async with job_state(state, "job", 0) as opened:
        assert not dead.exists()
        assert [path.name for path in opened.parts.iterdir()] == ["kept"]
        assert opened.journal.settled("r", ()) == {shard: 1}


async def test_a_shard_whose_part_is_gone_is_done_again(state: str) -> None:
    """The journal believes the folder, not its own memory; other shards stay done."""
    async with job_state(state, "job", 0) as opened:
        a, b = opened.journal.add_shards("r", [(name, name, "v", 1) for name in "ab"])
        opened.journal.place([("0", a, "a"), ("1", b, "b")])
        for shard, name in ((a, "1"), (b, "2")):
            part = part_file(opened.parts / name, b"x")
            opened.journal.apply([Done(shard, "", outcome_of((0,), 0, parts=[part])), Ended(shard, 1)])
        (opened.parts / "1").unlink()
    async with job_state(state, "job", 0) as opened:
        assert opened.journal.unfinished() == ["a"]
        assert [(row.id, row.version) for row in opened.journal.shards("r")] == [(a, None), (b, "v")]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
async def test_a_state_that_others_may_write_is_refused(state: str, mode: int) -> None:
    """What is in it decides results."""
    async with job_state(state, "job", 0):
        pass
    Path(state, "job").chmod(mode)
    with pytest.raises(OutputError, match="others may write"):
        async with job_state(state, "job", 0):
            pass


async def test_a_state_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """run.state below a file: the folder, the reason, and the key to change."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/state/job.*\n.*run\.state"):
        async with job_state(str(tmp_path / "file" / "state"), "job", 0):
            pass


def test_new_folders_are_made_durable(tmp_path: Path) -> None:
    """A journal in a folder whose own name is lost in a power cut is lost as well."""
    steps = Steps()
    make_private(tmp_path / "state" / "job", StepDisk(steps))
    assert steps.names == [f"sync folder {tmp_path.name}", "sync folder state"]
    make_private(tmp_path / "state" / "job", StepDisk(steps))
    assert len(steps.names) == 2


def test_the_journal_lies_in_the_folder_of_its_job() -> None:
    """Where `status` looks is where the run writes."""
    assert journal_path("state", "job") == Path("state", "job", "journal.sqlite")
