"""A task, called as a worker calls it: chunks in, partial, segments and rejects out. No pool, no loop."""

import json
import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import InputRefused
from pipeline.model import (
    AggregateSpec,
    Column,
    Derive,
    Job,
    Outcome,
    ParseSpec,
    Range,
    Select,
    Shard,
    SinkSpec,
    Stored,
    Task,
)
from pipeline.worker.files import preview_path
from pipeline.worker.task import run_task

ROWS = Job(
    parse=ParseSpec("csv", columns=(Column("k", "string"), Column("v", "int8"))),
    transform=(),
    aggregate=None,
    sinks=(SinkSpec("out.csv", "csv"), SinkSpec("out.ndjson", "ndjson")),
    chunk_bytes=1 << 20,
)
GROUPS = replace(ROWS, aggregate=AggregateSpec(by=("k",), metrics=(("s", "sum(v)"), ("d", "count_distinct(v)"))))


def run(tmp_path: Path, job: Job, body: bytes, *, start: int = 0, stop: int | None = None) -> Outcome:
    path = tmp_path / "a.csv"
    path.write_bytes(body)
    number = start // job.chunk_bytes
    header = b"k,v" if start else None
    place = Range(str(path), start, len(body) if stop is None else stop)
    shard = Shard((0,), "a.csv", str(path), len(body))
    return run_task(job, Task(shard, number, place, header), f"{tmp_path}/", str(tmp_path))


def test_a_row_wise_task_writes_a_segment_for_each_sink(tmp_path: Path) -> None:
    """One segment a sink, in the order of the config, without header."""
    outcome = run(tmp_path, ROWS, b"k,v\na,1\nb,2\n")
    assert [Path(segment.path).read_text() for segment in outcome.slices[0].segments] == [
        "a,1\nb,2\n",
        '{"k":"a","v":1}\n{"k":"b","v":2}\n',
    ]
    assert (outcome.records, outcome.rejected, outcome.rows, outcome.lines) == (2, 0, 2, 2)
    assert (outcome.bytes_stored, outcome.bytes_decoded, outcome.chunks) == (12, 8, 1)
    assert not outcome.partial


def test_an_aggregating_task_gives_its_partial(tmp_path: Path) -> None:
    """A small partial travels with the outcome, a large one in a file; both are Arrow IPC."""
    small = run(tmp_path, GROUPS, b"k,v\na,1\nb,2\na,3\n")
    assert [part.path for part in small.partial] == [None, None]
    assert sum(part.rows for part in small.partial) == 2 + 3
    many = "".join(f"key {number},{number % 7}\n" for number in range(1000)).encode()
    large = run(tmp_path, GROUPS, b"k,v\n" + many)
    for part in large.partial:
        assert part.inline is None
        assert part.path is not None
        assert pl.read_ipc(part.path).height == part.rows == 1000
    assert not large.slices


def test_a_small_stored_shard_is_cut_into_its_chunks(tmp_path: Path) -> None:
    """One task carries all chunks of a small shard; its partial keeps them apart, in order, for the flat combine."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"k,v\na,1\na,2\na,3\n")
    task = Task(Shard((0,), "a.csv", str(path), 16), 0, Stored(str(path), 16, "none"))
    outcome = run_task(replace(GROUPS, chunk_bytes=4), task, f"{tmp_path}/", str(tmp_path))
    assert outcome.chunks == 3
    assert next(part.rows for part in outcome.partial if part.table == "main") == 3


def test_a_shard_that_inflates_is_written_slice_by_slice(tmp_path: Path) -> None:
    """Law 6: rows do not pile up in a worker, however much a small compressed shard holds; their order is kept."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"k,v\n" + b"a,1\n" * 50)
    task = Task(Shard((0,), "a.csv", str(path), 204), 0, Stored(str(path), 204, "none"))
    outcome = run_task(replace(ROWS, chunk_bytes=8), task, f"{tmp_path}/", str(tmp_path))
    numbers = [rows.number for rows in outcome.slices]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 1
    assert sum(rows.segments[0].rows for rows in outcome.slices) == 50


def test_records_in_are_records_used_and_rejected(tmp_path: Path) -> None:
    """Law 7: a reject is in the file with its line, whatever chunk it is in; the others are used."""
    body = b"k,v\na,1\nb,x\nc,3\nd,400\n"
    outcome = run(tmp_path, ROWS, body)
    assert (outcome.records, outcome.rejected, outcome.rows) == (4, 2, 2)
    assert outcome.rejects is not None
    rejects = [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()]
    assert [(reject["line"], reject["byte"], reject["raw"]) for reject in rejects] == [(3, 8, "b,x"), (5, 16, "d,400")]


def test_rejects_are_written_chunk_by_chunk_and_never_twice(tmp_path: Path) -> None:
    """Each chunk adds its own; what a worker that was killed has left at the same place goes."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"k,v\na,x\nb,2\nc,y\nd,z\n")
    task = Task(Shard((0,), "a.csv", str(path), 20), 0, Stored(str(path), 20, "none"))
    for _ in range(2):
        outcome = run_task(replace(ROWS, chunk_bytes=4), task, f"{tmp_path}/", str(tmp_path))
        assert outcome.chunks > 1
        assert outcome.rejected == 3
        assert outcome.rejects is not None
        rejects = [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()]
        assert [(reject["line"], reject["raw"]) for reject in rejects] == [(2, "a,x"), (4, "c,y"), (5, "d,z")]


def test_rejects_of_later_ranges_count_the_header(tmp_path: Path) -> None:
    """A range that does not know its line counts from its own start, and adds the header that no chunk holds."""
    job = replace(ROWS, chunk_bytes=8)
    outcome = run(tmp_path, job, b"k,v\na,1\nb,x\nc,3\n", start=8, stop=16)
    assert outcome.rejects is not None
    assert json.loads(Path(outcome.rejects).read_text())["chunk_line"] == 1


def test_places_are_columns_on_request(tmp_path: Path) -> None:
    """`_shard` and `_line` are there for a job that speaks of them; lines are those of the file."""
    parse = replace(ROWS.parse, shard_column=True, line_column=True)
    steps = (Derive((("at", "_shard || ':' || cast(_line as text)"),)), Select(("at", "v")))
    outcome = run(tmp_path, replace(ROWS, parse=parse, transform=steps), b'k,v\n"x\ny",1\nb,2\n')
    assert Path(outcome.slices[0].segments[0].path).read_text() == "a.csv:2,1\na.csv:4,2\n"


def test_a_bad_record_may_end_the_run(tmp_path: Path) -> None:
    """on_bad_record: fail names file, line, byte and reason of the first."""
    job = replace(ROWS, parse=replace(ROWS.parse, on_bad_record="fail"))
    with pytest.raises(InputRefused, match=r"^a\.csv: line 3, byte 8: column 'v': 'x' is not int8"):
        run(tmp_path, job, b"k,v\na,1\nb,x\nc,y\n")


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        (replace(ROWS, transform=(Derive((("w", "v * cast(100 as tinyint)"),)),)), "does not fit"),
        (replace(ROWS, transform=(Derive((("w", "cast(k as int)"),)),)), "cast"),
        (replace(ROWS, aggregate=AggregateSpec((), (("s", "sum(cast(k as int))"),))), "cast"),
    ],
)
def test_a_row_at_fault_has_a_place(tmp_path: Path, job: Job, problem: str) -> None:
    """An expression that fails says in which shard, and from which line and byte on its chunk is."""
    with pytest.raises(InputRefused) as error:
        run(tmp_path, job, b"k,v\na,1\nb,99\n")
    assert error.value.message.startswith("a.csv: in the chunk from line 2, byte 4: ")
    assert problem in error.value.message
    with pytest.raises(InputRefused, match=r"a.csv: in the chunk from byte 8: "):
        run(tmp_path, replace(job, chunk_bytes=8), b"k,v\na,1\nb,99\n", start=8)


@pytest.mark.parametrize(("order", "shown"), [((0,), True), ((0, 0), True), ((0, 1), False), ((1,), False)])
def test_the_first_chunk_of_all_is_the_preview(tmp_path: Path, order: tuple[int, ...], shown: bool) -> None:
    """Also where the first input is an archive."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"k,v\na,1\n")
    task = Task(Shard(order, "a.csv", str(path), 8), 0, Range(str(path), 0, 8))
    run_task(ROWS, task, f"{tmp_path}/", str(tmp_path))
    assert Path(preview_path(str(tmp_path))).exists() is shown


def test_the_outcome_is_small(tmp_path: Path) -> None:
    """It crosses the pool's pipe: a worker killed in the middle of a large write would hang the pool for ever."""
    outcome = run(tmp_path, GROUPS, b"k,v\n" + b"".join(b"%d,1\n" % number for number in range(5000)))
    assert len(repr(outcome)) < os.pathconf("/", "PC_PIPE_BUF")


def test_chunks_of_a_task_may_need_sums_of_different_width(tmp_path: Path) -> None:
    """A sum of one chunk may not fit 64 bits where the next one's does: together they do."""
    path = tmp_path / "a.csv"
    body = b"v\n%d\n%d\n" % (2**62, 2**62) + b"-%d\n" % 2**62 + b"1\n" * 60
    path.write_bytes(body)
    parse = ParseSpec("csv", columns=(Column("v", "int64"),))
    job = replace(ROWS, parse=parse, aggregate=AggregateSpec((), (("s", "sum(v)"),)), chunk_bytes=42)
    task = Task(Shard((0,), "a.csv", str(path), len(body)), 0, Stored(str(path), len(body), "none"))
    assert run_task(job, task, f"{tmp_path}/", str(tmp_path)).chunks > 1
