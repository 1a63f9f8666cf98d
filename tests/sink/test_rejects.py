"""Rejects: true line numbers, all tasks in one file."""

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
from pipeline.parse.reject_table import RejectTable
from pipeline.sink.rejects import join_rejects
from pipeline.testing.steps import LAWS
from pipeline.worker.rejects import write_rejects


@dataclass(frozen=True)
class Part:
    path: str
    lines_before: int | None


def part(folder: Path, rejects: list[Reject], lines_before: int | None, first_line: int | None = None) -> Part:
    path = str(folder / f"{len(os.listdir(folder))}.rejects")
    write_rejects(RejectTable.of(rejects), "in/a.csv", first_line, path)
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
    assert join_rejects(parts, str(target)) == 2
    assert read(target) == [
        {"shard": "in/a.csv", "line": 1, "byte": 0, "reason": "too short", "raw": "x"},
        {"shard": "in/a.csv", "line": 1004, "byte": 99, "reason": 'not a number: "é"', "raw": "1,é\n"},
    ]
    assert [list(record) for record in read(target)] == [["shard", "line", "byte", "reason", "raw"]] * 2


def test_a_line_known_in_the_worker_stays(work: Path, target: Path) -> None:
    """Where the worker knew the first line of its chunk, the join adds nothing."""
    join_rejects([part(work, [Reject(3, 9, "r", "x")], 1000, first_line=2)], str(target))
    assert [record["line"] for record in read(target)] == [5]


def test_a_line_nobody_knows_is_told_within_the_chunk(work: Path, target: Path) -> None:
    """No number is better than a wrong one."""
    join_rejects([part(work, [Reject(3, 9, "r", "x")], None)], str(target))
    assert read(target) == [{"shard": "in/a.csv", "chunk_line": 3, "byte": 9, "reason": "r", "raw": "x"}]


def test_text_that_utf8_cannot_hold_is_escaped(work: Path, target: Path) -> None:
    """A file name that is not UTF-8 must not cost the run its rejects."""
    path = str(work / "odd")
    write_rejects(RejectTable.of([Reject(0, 0, "r", "x")]), "in/\udce9.csv", None, path)
    join_rejects([Part(path, 0)], str(target))
    assert [record["shard"] for record in read(target)] == ["in/\\udce9.csv"]


def test_parts_are_read_one_at_a_time(work: Path, target: Path) -> None:
    """A million rejects are never in memory: a part is asked for when the one before it has been copied."""

    def parts() -> Iterator[Part]:
        for _ in range(3):
            made = part(work, [Reject(0, 0, "r", "x")] * 3, 0)
            yield made
            Path(made.path).unlink()  # a join that had not read it yet would fail

    assert join_rejects(parts(), str(target)) == 9


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
    join_rejects(parts, str(folder / "all"))
    assert [(record["line"], record["byte"]) for record in read(folder / "all")] == [(n + 1, n) for n in range(20)]


def test_a_place_that_cannot_be_written_is_an_output_error(work: Path, target: Path) -> None:
    """The message names the path, and the setting that chose it."""
    target.mkdir()
    with pytest.raises(OutputError, match=r"Is a directory\n.*`sink`"):
        join_rejects([part(work, [Reject(0, 0, "r", "x")], 0)], str(target))
    with pytest.raises(OutputError, match="missing"):
        write_rejects(RejectTable.of([]), "s", None, str(work / "missing" / "x"))
