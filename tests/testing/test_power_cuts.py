"""Power cuts of the real commit code, and the guards without which it fails."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.engine.recorder import Recorder
from pipeline.journal import Change
from pipeline.model import Outcome
from pipeline.testing.model_disk import ModelDisk, Platter
from pipeline.testing.power_cuts import MakeDisk, power_cuts

CUTS = 1500
SEED = 20


def test_no_power_cut_breaks_a_promise() -> None:
    """0 acknowledged and lost, 0 corrupt, at every step of every history."""
    findings = power_cuts(SEED, CUTS)
    assert findings.cuts >= CUTS
    assert (findings.lost, findings.corrupt) == ([], [])


def without(what: str, where: Callable[[Path], bool]) -> MakeDisk:
    """A disk under code that has forgotten one kind of sync."""

    class Forgetful(ModelDisk):
        def sync_file(self, path: Path) -> None:
            if what != "file" or not where(path):
                super().sync_file(path)

        def sync_folder(self, path: Path) -> None:
            if what != "folder" or not where(path):
                super().sync_folder(path)

    return Forgetful


@pytest.mark.parametrize(
    ("what", "where", "found"),
    [
        ("file", lambda path: path.parent.name == "parts", "corrupt"),
        ("folder", lambda path: path.name == "parts", "lost"),
        ("file", lambda path: path.name.endswith(".tmp"), "corrupt"),
        ("folder", lambda path: path.name == "out", "lost"),
        ("folder", lambda path: path.name == "deep", "lost"),
    ],
    ids=["part file", "parts folder", "output file", "output folder", "new folder"],
)
def test_without_any_one_sync_the_check_fails(what: str, where: Callable[[Path], bool], found: str) -> None:
    """The mutation twins: a check that finds nothing wrong with a missing sync proves nothing."""
    findings = power_cuts(SEED, CUTS, without(what, where))
    assert getattr(findings, found)


def test_a_failed_sync_that_is_tried_again_is_found() -> None:
    """The second call would succeed, with the data gone."""

    class Stubborn(ModelDisk):
        def sync_file(self, path: Path) -> None:
            try:
                super().sync_file(path)
            except OSError:
                super().sync_file(path)

    findings = power_cuts(SEED, 3 * CUTS, Stubborn)
    assert findings.corrupt


def test_a_journal_that_is_written_before_the_files_is_found() -> None:
    """The order of the recorder is the whole of the durability of a task."""

    class Hasty(Recorder):
        def _write(self, batch: list[Change]) -> None:
            self._journal.apply(batch)
            self._disk.sync_folder(self._parts)

    findings = power_cuts(SEED, 3 * CUTS, recorder=Hasty)
    assert findings.lost or findings.corrupt


def test_a_task_acknowledged_before_its_transaction_is_found() -> None:
    """Whoever is told too early counts on what a power cut takes."""

    class Rash(Recorder):
        async def record(self, outcome: Outcome) -> None:
            asyncio.get_running_loop().create_task(super().record(outcome)).add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )

    assert power_cuts(SEED, CUTS, recorder=Rash).lost


def left(disk: ModelDisk, tries: int = 60) -> set[bytes | None]:
    """What a power cut at the end of the record may leave of `a`."""
    platter = Platter(disk.root)
    for op in disk.record:
        platter.follow(op)
    return {platter.cut(random.Random(seed)).get(str(disk.root / "a")) for seed in range(tries)}


def test_the_model_keeps_what_is_synced_and_nothing_else(tmp_path: Path) -> None:
    """Bytes and names apart: each alone is not enough."""
    disk = ModelDisk(tmp_path)
    disk.write(tmp_path / "a", b"new")
    assert left(disk) >= {None, b"", b"new", b"\0\0\0"}
    disk.sync_file(tmp_path / "a")
    assert left(disk) == {None, b"new"}
    disk.sync_folder(tmp_path)
    assert left(disk) == {b"new"}


def test_the_model_may_lose_a_rename_but_never_tears_it(tmp_path: Path) -> None:
    """The old file or the new one; unsynced bytes under the name as well, which is the fault of many programs."""
    disk = ModelDisk(tmp_path)
    for name, content in (("a", b"old"), ("b", b"new")):
        disk.write(tmp_path / name, content)
        disk.sync_file(tmp_path / name)
    disk.sync_folder(tmp_path)
    disk.rename(tmp_path / "b", tmp_path / "a")
    assert left(disk) == {b"old", b"new"}
    disk.sync_folder(tmp_path)
    disk.write(tmp_path / "b", b"newer")
    disk.rename(tmp_path / "b", tmp_path / "a")
    assert left(disk) >= {b"new", b"newer", b"", bytes(5)}


def test_the_model_does_not_trust_a_file_whose_sync_has_failed(tmp_path: Path) -> None:
    """Linux marks the pages clean: a later sync says yes, and means nothing."""
    fails = [True, False]
    disk = ModelDisk(tmp_path, lambda _: fails.pop(0))
    disk.write(tmp_path / "a", b"new")
    disk.sync_folder(tmp_path)
    with pytest.raises(OSError, match="Input/output"):
        disk.sync_file(tmp_path / "a")
    disk.sync_file(tmp_path / "a")
    assert b"" in left(disk)
