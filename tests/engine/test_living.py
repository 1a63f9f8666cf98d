"""Folders that say whether their process lives."""

import os
from pathlib import Path

from pipeline.engine.living import living_folder, sweep_dead


def test_a_folder_goes_once_nobody_holds_it(tmp_path: Path) -> None:
    """While its lock is held a sweep leaves it alone, with what belongs to it; then both go, in this order."""
    seen: list[bool] = []
    folder = tmp_path / "a"
    folder.mkdir()
    _, lock = living_folder(lambda: folder)
    sweep_dead(folder, lambda: seen.append(folder.exists()))
    assert (folder.exists(), seen) == (True, [])
    os.close(lock)
    sweep_dead(folder, lambda: seen.append(folder.exists()))
    assert (folder.exists(), seen) == (False, [True])
    sweep_dead(folder, lambda: seen.append(folder.exists()))
    assert seen == [True]


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(tmp_path: Path) -> None:
    """Between the making and the locking it looks dead to another process."""
    names = iter("ab")

    def make() -> Path:
        folder = tmp_path / next(names)
        folder.mkdir()
        if folder.name == "a":
            sweep_dead(folder)
        return folder

    folder, lock = living_folder(make)
    assert folder == tmp_path / "b"
    os.close(lock)
