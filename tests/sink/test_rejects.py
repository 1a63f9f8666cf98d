"""Rejects: true line numbers, one file for the last run, never a half one."""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import OutputError
from pipeline.model import Reject
from pipeline.sink.rejects import commit_rejects, write_rejects
from pipeline.testing.steps import LAWS, Crash, StepDisk, Steps, crash


@dataclass(frozen=True)
class Part:
    path: str
    lines_before: int | None


def part(folder: Path, rejects: list[Reject], lines_before: int | None, first_line: int | None = None) -> Part:
    path = str(folder / f"{len(os.listdir(folder))}.rejects")
    write_rejects(rejects, "in/a.csv", first_line, path)
    return Part(path, lines_before)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "job.rejects.ndjson"


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_true_line_is_the_lines_before_and_the_local_one(work: Path, target: Path) -> None:
    """A worker counts from 0 within its chunk; people and editors count from 1 within the file."""
    parts = [
        part(work, [Reject(0, 0, "too short", "x")], 0),
        part(work, [Reject(3, 99, 'not a number: "é"', "1,é\n")], 1000),
    ]
    assert commit_rejects(parts, str(target), "r") == 2
    assert read(target) == [
        {"shard": "in/a.csv", "line": 1, "byte": 0, "reason": "too short", "raw": "x"},
        {"shard": "in/a.csv", "line": 1004, "byte": 99, "reason": 'not a number: "é"', "raw": "1,é\n"},
    ]
    assert [list(record) for record in read(target)] == [["shard", "line", "byte", "reason", "raw"]] * 2


def test_a_line_known_in_the_worker_stays(work: Path, target: Path) -> None:
    """Where the worker knew the first line of its chunk, the join adds nothing."""
    commit_rejects([part(work, [Reject(3, 9, "r", "x")], 1000, first_line=2)], str(target), "r")
    assert [record["line"] for record in read(target)] == [5]


def test_a_line_nobody_knows_is_told_within_the_chunk(work: Path, target: Path) -> None:
    """No number is better than a wrong one."""
    commit_rejects([part(work, [Reject(3, 9, "r", "x")], None)], str(target), "r")
    assert read(target) == [{"shard": "in/a.csv", "chunk_line": 3, "byte": 9, "reason": "r", "raw": "x"}]


def test_text_that_utf8_cannot_hold_is_escaped(work: Path, target: Path) -> None:
    """A file name that is not UTF-8 must not cost the run its rejects."""
    path = str(work / "odd")
    write_rejects([Reject(0, 0, "r", "x\udcff")], "in/\udce9.csv", None, path)
    commit_rejects([Part(path, 0)], str(target), "r")
    assert [(record["shard"], record["raw"]) for record in read(target)] == [("in/\\udce9.csv", "x\\udcff")]


def test_the_file_of_an_earlier_run_goes_when_there_are_none_now(target: Path) -> None:
    """What is there is about the last run."""
    target.write_text("old")
    assert commit_rejects([], str(target), "r") == 0
    assert not target.exists()
    assert commit_rejects([], str(target), "r") == 0


def test_no_rejects_make_no_folder(tmp_path: Path) -> None:
    """A clean run leaves no empty file or folder for its rejects."""
    assert commit_rejects([], str(tmp_path / "none" / "x.rejects.ndjson"), "r") == 0
    assert os.listdir(tmp_path) == []


def test_parts_are_read_one_at_a_time(work: Path, target: Path) -> None:
    """A million rejects are never in memory: a part is asked for when the one before it has been copied."""

    def parts() -> Iterator[Part]:
        for _ in range(3):
            made = part(work, [Reject(0, 0, "r", "x")] * 3, 0)
            yield made
            Path(made.path).unlink()  # a join that had not read it yet would fail

    assert commit_rejects(parts(), str(target), "r") == 9


@LAWS
@given(cuts=st.sets(st.integers(1, 19)))
def test_the_cuts_do_not_show(tmp_path_factory: pytest.TempPathFactory, cuts: set[int]) -> None:
    """Law 2: rejects of lines 0 to 19, cut into any tasks, give the same file."""
    folder = tmp_path_factory.mktemp("cuts")
    bounds = [0, *sorted(cuts), 20]
    parts = [
        part(folder, [Reject(line - start, line, "r", "x") for line in range(start, stop)], start)
        for start, stop in itertools.pairwise(bounds)
    ]
    commit_rejects(parts, str(folder / "all"), "r")
    assert [(record["line"], record["byte"]) for record in read(folder / "all")] == [(n + 1, n) for n in range(20)]


def test_every_crash_leaves_the_old_or_the_new_file(work: Path, target: Path) -> None:
    """Law 5 holds for the rejects as well; the next run clears what a dead one left."""
    parts = [part(work, [Reject(0, 0, "r", "x")], 0)]
    steps = Steps()
    commit_rejects(parts, str(target), "r", StepDisk(steps))
    new = target.read_text()
    assert [name.split()[0] for name in steps.names[-3:]] == ["sync", "rename", "sync"]
    for number in range(len(steps.names)):
        target.write_text("old")
        with pytest.raises(Crash):
            commit_rejects(parts, str(target), "r", StepDisk(Steps(number, crash, for_ever=True)))
        assert target.read_text() in ("old", new)
        commit_rejects(parts, str(target), "r2")
        assert os.listdir(target.parent) == [target.name]


def test_a_place_that_cannot_be_written_is_an_output_error(work: Path, target: Path) -> None:
    """The message names the path."""
    target.mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        commit_rejects([part(work, [Reject(0, 0, "r", "x")], 0)], str(target), "r")
    with pytest.raises(OutputError, match="missing"):
        write_rejects([], "s", None, str(work / "missing" / "x"))
