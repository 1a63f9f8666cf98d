"""Complaints: all mistakes of a job at once, and none that is only the echo of another."""

import pytest

from pipeline.model import AggregateSpec, Column, Derive, Job, ParseSpec, Select, SinkSpec, Step, Where
from pipeline.worker.prepare import prepare


def job(*steps: Step, aggregate: AggregateSpec | None = None) -> Job:
    columns = (Column("k", "string"), Column("v", "int64"))
    return Job(ParseSpec("csv", columns=columns), steps, aggregate, (SinkSpec("a.csv", "csv"),), 1 << 20)


def paths(job: Job) -> list[tuple[str | int, ...]]:
    return [complaint.path for complaint in prepare(job, None).complaints]


def test_a_step_at_fault_does_not_hide_those_behind_it() -> None:
    """Every step is looked at with the columns that are known there, and so is the aggregation."""
    steps = (Where("v + k"), Derive((("x", "vv"), ("y", "v + 1"))), Where("y > 'a' + 1"), Select(("k", "kk", "y")))
    found = paths(job(*steps, aggregate=AggregateSpec(("z",), (("n", "sum(v)"), ("m", "sum(y)")))))
    assert found == [
        ("transform", 0, "where"),
        ("transform", 1, "derive", "x"),
        ("transform", 2, "where"),
        ("transform", 3, "select", 1),
        ("aggregate", "by", 0),
        ("aggregate", "metrics", "n"),
    ]


@pytest.mark.parametrize(
    "behind",
    [
        (Where("x > 1"),),
        (Derive((("y", "x + 1"),)), Where("y like 'a'"), Select(("x", "y"))),
        (Select(("x",)), Where("x")),
        (Derive((("v", "x"),)), Where("v like 'a'")),
    ],
)
def test_what_a_step_at_fault_was_to_make_may_be_anything(behind: tuple[Step, ...]) -> None:
    """Who speaks of such a column, or of one that is made from it, is not complained of."""
    by_x = AggregateSpec(("x",), (("n", "sum(x)"),), having="n > 1")
    first = Derive((("x", "nothing"),))
    assert paths(job(first, *behind)) == [("transform", 0, "derive", "x")]
    assert paths(job(first, aggregate=by_x)) == [("transform", 0, "derive", "x")]


def test_a_column_that_is_made_anew_is_known_again() -> None:
    """It was wrong once; what is said of it now counts. A missing name that was selected is complained of once."""
    again = (Derive((("x", "nothing"),)), Derive((("x", "v"),)), Where("x like 'a'"))
    assert paths(job(*again)) == [("transform", 0, "derive", "x"), ("transform", 2, "where")]
    assert paths(job(Select(("k", "w")), Where("w > 1"), Where("v > 1"))) == [
        ("transform", 0, "select", 1),
        ("transform", 2, "where"),
    ]
