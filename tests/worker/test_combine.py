"""Combining as a worker does it: bucket by bucket, in canonical order, to segments."""

from pathlib import Path

import polars as pl
import pytest

from pipeline.journal import Done, Journal, sort_key
from pipeline.journal.schema import PARTS
from pipeline.model import AggregateSpec, Column, Job, ParseSpec, Range, Shard, SinkSpec, Task
from pipeline.worker.combine import combine_bucket, finish, join
from pipeline.worker.task import run_task

JOB = Job(
    parse=ParseSpec("csv", header=False, columns=(Column("k", "int64"), Column("v", "float64"))),
    transform=(),
    aggregate=AggregateSpec(
        by=("k",),
        metrics=(("sum", "sum(v)"), ("q", "quantile(v, 0.3)"), ("std", "std(v)"), ("first", "first(v)")),
        order_by=("-sum",),
        limit=40,
    ),
    sinks=(SinkSpec("out.csv", "csv"),),
    chunk_bytes=200,
)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """Partials of a shard in many chunks, journaled in the reverse of their order."""
    body = "".join(f"{number * 7919 % 61},{number / 3}\n" for number in range(500)).encode()
    path = tmp_path / "a.csv"
    path.write_bytes(body)
    shard = Shard((0,), "a.csv", str(path), len(body))
    (tmp_path / PARTS).mkdir()
    ledger = Journal(str(tmp_path / "journal"))
    (id,) = ledger.add_shards("recipe", [("identity", "a.csv", "1", 200)])
    ledger.place([(sort_key(shard.order), id, "a.csv")])
    for number in reversed(range(-(-len(body) // 200))):
        place = Range(str(path), number * 200, min(len(body), number * 200 + 200))
        ledger.apply([Done(id, "", run_task(JOB, Task(shard, number, place), f"{tmp_path / PARTS}/", str(tmp_path)))])
    ledger.close()
    return ledger.path


def combined(journal: str, buckets: int, folder: Path) -> bytes:
    folder.mkdir()
    paths = [combine_bucket(JOB, journal, index, buckets, str(folder)) for index in range(buckets)]
    finished = finish(JOB, paths, str(folder))
    out = folder / "out.csv"
    join(JOB, 0, [segment.path for segment in finished], str(out))
    return out.read_bytes()


@pytest.mark.parametrize("buckets", [2, 7, 64])
def test_buckets_do_not_matter(journal: str, buckets: int, tmp_path: Path) -> None:
    """Law 3: the same bytes for any number of hash buckets, order and limit included."""
    assert combined(journal, buckets, tmp_path / "many") == combined(journal, 1, tmp_path / "one")


def test_the_result_is_that_of_the_whole_input(journal: str, tmp_path: Path) -> None:
    """The dataframe library's own answer, on the input in one piece."""
    combined(journal, 3, tmp_path / "out")
    whole = pl.read_csv(tmp_path / "a.csv", has_header=False, new_columns=["k", "v"])
    expected = (
        whole.group_by("k")
        .agg(
            sum=pl.sum("v"),
            q=pl.col("v").quantile(0.3, interpolation="linear"),
            std=pl.std("v"),
            first=pl.first("v"),
        )
        .sort("sum", "k", descending=[True, False])
        .head(40)
    )
    result = pl.read_csv(tmp_path / "out" / "out.csv")
    assert result["k"].to_list() == expected["k"].to_list()
    for name in ("sum", "q", "std", "first"):
        assert result[name].to_list() == pytest.approx(expected[name].to_list())
