"""GroupBy keeps the laws of an aggregation, for every metric and for keys of every kind."""

import datetime as dt
import functools
import re
from decimal import Decimal
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipeline.errors import InputRefused
from pipeline.model import AggregateSpec
from pipeline.reduce.aggregate import GroupBy
from pipeline.testing.aggregations import AggregationContract, bits

WHEN = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - zones are given
VALUES: dict[str, tuple[pl.DataType, st.SearchStrategy[object]]] = {
    "word": (pl.String(), st.sampled_from(["", "a", "b", "é"])),
    "team": (pl.Float64(), st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")])),
    "count": (pl.Int64(), st.integers(-(2**58), 2**58)),
    "small": (pl.Int32(), st.integers(-3, 3)),
    "size": (pl.UInt64(), st.integers(0, 2**59)),
    "share": (pl.Float64(), st.floats(-1e6, 1e6)),
    "number": (pl.Float64(), st.floats()),
    "flag": (pl.Boolean(), st.booleans()),
    "price": (pl.Decimal(12, 2), st.decimals(-1000, 1000, places=2)),
    "day": (pl.Date(), st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))),
    "at": (pl.Datetime("us", "UTC"), WHEN),
    "took": (pl.Duration("us"), st.timedeltas(dt.timedelta(days=-9), dt.timedelta(days=9))),
}
SCHEMA = pl.Schema({name: dtype for name, (dtype, _) in VALUES.items()})


def spec(by: tuple[str, ...], *calls: str) -> AggregateSpec:
    return AggregateSpec(by, tuple((f"m{place}", call) for place, call in enumerate(calls)))


@functools.cache
def compiled(spec: AggregateSpec) -> GroupBy:
    return GroupBy(spec, pl.Schema({name: SCHEMA[name] for name in columns(spec)}))


def columns(spec: AggregateSpec) -> list[str]:
    """Those that the spec speaks of: drawing the others would only take time."""
    spoken = " ".join([*spec.by, *(call for _, call in spec.metrics)])
    return [name for name in VALUES if re.search(rf"\b{name}\b", spoken)]


class GroupByContract(AggregationContract):
    spec: ClassVar[AggregateSpec]

    def __init_subclass__(cls) -> None:
        if "spec" in vars(cls):
            used = columns(cls.spec)
            cls.schema = pl.Schema({name: SCHEMA[name] for name in used})
            cls.rows = st.fixed_dictionaries({name: st.one_of(st.none(), VALUES[name][1]) for name in used})

    def aggregation(self) -> GroupBy:
        return compiled(self.spec)


class TestExactMetricsOfAKey(GroupByContract):
    keys = ("word",)
    spec = spec(
        keys,
        *("count()", "count(number)", "sum(count)", "sum(size)", "sum(flag)", "sum(price)", "sum(took)", "mean(count)"),
        *(
            "mean(day)",
            "mean(at)",
            "min(number)",
            "max(number)",
            "min(word)",
            "max(price)",
            "first(share)",
            "last(day)",
        ),
        *("any(flag)", "any(share)"),
    )


class TestMetricsOfValues(GroupByContract):
    keys = ("small", "flag")
    spec = spec(
        keys,
        *("count_distinct(number)", "count_distinct(word)", "quantile(number, 0.3)", "median(count)", "median(at)"),
        *("quantile(day, 0.9)", "median(price)", "top_k(word, 2)", "top_k(team, 2)", "top_k(day, 1)"),
        *("histogram(share, -1, 1, 3)", "quantile(count % 7, 1)"),
    )


class TestFloatKeys(GroupByContract):
    keys = ("team",)
    spec = AggregateSpec(
        keys, (("n", "count()"), ("top", "top_k(small, 1)"), ("d", "count_distinct(small)")), None, ("-n",), 3
    )


class TestTimesAsKeys(GroupByContract):
    keys = ("at", "price", "took")
    spec = AggregateSpec(keys, (("n", "sum(count)"),), "n IS NULL OR n > 0", ("-price", "n"))


class TestWithoutKeys(GroupByContract):
    keys = ()
    spec = spec((), "count()", "first(word)", "any(flag)", "sum(count)", "median(number)", "histogram(small, 0, 2, 2)")


class TestOnlyValueMetricsWithoutKeys(GroupByContract):
    keys = ()
    spec = spec((), "top_k(word, 2)", "count_distinct(number)")


class TestKeysAlone(GroupByContract):
    keys = ("word", "day")
    spec = spec(keys)


class Near(GroupByContract):
    def alike(self, one: pl.DataFrame, other: pl.DataFrame) -> bool:
        assert_frame_equal(one, other, rel_tol=1e-6, abs_tol=1e-3)
        return True


class TestFloatSums(Near):
    keys = ("word",)
    spec = spec(keys, "sum(share)", "mean(share)", "var(share)", "std(small)", "std(number)", "sum(number)")


class TestFloatSumsWithoutKeys(Near):
    keys = ()
    spec = spec((), "sum(share)", "mean(share)", "std(share)")


class TestSketches(GroupByContract):
    """Exact here: the sketches see few values."""

    keys = ("team",)
    spec = spec(
        keys,
        *("approx_distinct(word)", "approx_distinct(number)", "approx_distinct(size)", "approx_distinct(price)"),
        *("approx_top_k(number, 2)", "approx_top_k(at, 2)", "approx_top_k(size, 1)", "approx_top_k(price, 3)"),
        *("approx_top_k(flag, 2)", "approx_top_k(took, 2)"),
    )


class TestDigests(GroupByContract):
    keys = ("word",)
    spec = spec(keys, "approx_quantile(share, 0.5)", "approx_quantile(at, 0.1)", "approx_quantile(flag, 1)")

    def alike(self, one: pl.DataFrame, other: pl.DataFrame) -> bool:
        """Of a few values a digest gives one, but which depends on the cuts."""
        return one.select("word", pl.exclude("word").is_null()).equals(
            other.select("word", pl.exclude("word").is_null())
        )


def result(spec: AggregateSpec, *frames: pl.DataFrame) -> pl.DataFrame:
    aggregation = GroupBy(spec, frames[0].schema)
    return aggregation.order(
        aggregation.finalize(aggregation.combine([aggregation.partial(frame) for frame in frames]))
    )


def test_null_is_a_key_nan_is_one_key_and_minus_zero_is_zero() -> None:
    """Keys as SQL groups them."""
    frame = pl.DataFrame({"k": [-0.0, float("nan"), None, 0.0, float("nan"), None]})
    found = result(spec(("k",), "count()"), frame[:1], frame[1:])
    assert str(found.rows()) == "[(0.0, 2), (nan, 2), (None, 2)]"


@pytest.mark.parametrize("by", [("k",), ("k", "j"), ()])
def test_float_bits_do_not_depend_on_how_a_frame_lies_in_memory(by: tuple[str, ...]) -> None:
    """Law 3: neither on what is known of the order of the keys, nor on pieces and offsets of memory."""
    random = np.random.default_rng(7)
    frame = pl.DataFrame(
        {
            "k": pl.Series(random.integers(0, 20, 9_000)).sort(),
            "j": random.integers(0, 2, 9_000),
            "x": random.normal(size=9_000) * 10.0 ** random.integers(-8, 8, 9_000),
        }
    )
    unknown = frame.with_columns(pl.col("k").gather(pl.int_range(pl.len())))
    assert frame["k"].flags["SORTED_ASC"] != unknown["k"].flags["SORTED_ASC"]
    pieces = pl.concat([unknown[at : at + 777] for at in range(0, 9_000, 777)], rechunk=False)
    offset = pl.concat([frame[:7], frame])[7:]
    constant = unknown.filter(pl.col("k") == 3)
    aggregation = GroupBy(spec(by, "sum(x)", "mean(x)", "std(x)", "sum(x * 2)"), frame.schema)
    expected, *others = (aggregation.partial(same)["main"] for same in (unknown, frame, pieces, offset))
    assert all(bits(expected).equals(bits(other)) for other in others)
    if by:
        expected = expected.filter(pl.col("k") == 3)
        for alone in (constant, constant.sort("k")):
            assert bits(expected).equals(bits(aggregation.partial(alone)["main"]))


def test_a_nan_key_finds_its_values_in_a_bucket_of_its_own() -> None:
    """Frames of one row take another path through a join."""
    frame = pl.DataFrame({"k": [float("nan")], "x": [1.0]})
    found = result(spec(("k",), "median(x)", "histogram(x, 0, 2, 1)"), frame)
    assert str(found.rows()) == "[(nan, 1.0, [1])]"


def test_nothing_without_keys_is_one_row() -> None:
    """Counts are 0, sums null, lists empty."""
    calls = ("count()", "count(x)", "sum(x)", "mean(x)", "max(x)", "count_distinct(x)", "top_k(x, 1)", "median(x)")
    found = result(spec((), *calls), pl.DataFrame(schema={"x": pl.Int64}))
    assert found.rows() == [(0, 0, None, None, None, 0, [], None)]


def test_names_of_keys_may_be_anything() -> None:
    """Keys named like the columns that partials are made of do not collide with them."""
    frame = pl.DataFrame({"~": [1, 1], "~0": [2, 2], "~0 sum": [3, 4], "key": [5, 6]})
    found = result(spec(("~", "~0", "key"), 'sum("~0 sum")', 'median("~0 sum")'), frame[:1], frame[1:])
    assert found.rows() == [(1, 2, 5, 3, 3.0), (1, 2, 6, 4, 4.0)]


def test_a_sum_that_does_not_fit_is_refused_with_metric_and_key() -> None:
    """Law 7: integer overflow is an error that says where."""
    frame = pl.DataFrame({"k": ["a", "b", "b"], "x": [1, 2**62, 2**62]})
    with pytest.raises(InputRefused, match=r"total: sum\(x\) does not fit int64 for k = 'b'"):
        result(AggregateSpec(("k",), (("total", "sum(x)"),)), frame[:2], frame[2:])


def test_a_sum_may_leave_64_bits_on_its_way() -> None:
    """Only the whole sum has to fit."""
    frame = pl.DataFrame({"x": [2**62, 2**62, 2**62, -(2**62), -(2**62), -1]})
    for cuts in ((frame,), (frame[:3], frame[3:])):
        assert result(spec((), "sum(x)", "mean(x)"), *cuts).rows() == [(2**62 - 1, (2**62 - 1) / 6)]


def test_an_argument_that_does_not_fit_is_refused_with_the_row() -> None:
    """Law 7 for expressions inside metrics."""
    with pytest.raises(InputRefused, match=r"x \* 2 does not fit int64 where x = 4611686018427387904"):
        result(spec((), "sum(x * 2)"), pl.DataFrame({"x": [1, 2**62]}))


def test_a_decimal_sum_that_does_not_fit_is_refused() -> None:
    """Decimals have 38 digits; more is an error too."""
    frame = pl.DataFrame({"x": [Decimal(9 * 10**37)]}, schema={"x": pl.Decimal(38, 0)})
    with pytest.raises(InputRefused, match="does not fit 38 digits"):
        result(spec((), "sum(x)"), frame, frame)


@pytest.mark.parametrize(
    ("by", "metrics", "having", "complaint"),
    [
        (("wrod",), {}, None, "by: no column 'wrod'; did you mean 'word'"),
        (
            (),
            {"m": "sum(word)"},
            None,
            r"m: sum\(word\): sum takes numbers, booleans or durations, not word of type string",
        ),
        ((), {"m": "median(word)"}, None, "median takes numbers"),
        ((), {"m": "std(at)"}, None, "std takes numbers or booleans, not at of type datetime"),
        ((), {"m": "sum(coutn)"}, None, "no column 'coutn'; did you mean 'count'"),
        ((), {"m": "sum(max(count))"}, None, r"max\(\) needs many rows"),
        ((), {"m": "total(count)"}, None, "unknown metric 'total'"),
        (("word",), {"word": "count()"}, None, "has a column of that name already"),
        (("word",), {"n": "count()"}, "m > 1", "having: m > 1: no column 'm'"),
        (("word",), {"n": "count()"}, "n + 1", "must be true or false, not int64"),
        (("word",), {"n": "count()"}, "sum(n) > 1", "needs many rows"),
    ],
)
def test_a_wrong_spec_is_a_complaint(
    by: tuple[str, ...], metrics: dict[str, str], having: str | None, complaint: str
) -> None:
    """Faults of the config are found before any row is read, and name the metric."""
    with pytest.raises(ValueError, match=complaint):
        GroupBy(AggregateSpec(by, tuple(metrics.items()), having), SCHEMA)


def test_metrics_share_what_they_can() -> None:
    """sum and mean read one sum, median and count_distinct one table of values."""
    aggregation = GroupBy(
        spec(("word",), "sum(count)", "mean(count)", "median(small)", "count_distinct(small)"), SCHEMA
    )
    tables = aggregation.partial(pl.DataFrame(schema=SCHEMA))
    assert len(tables["main"].columns) == 1 + 2
    assert list(tables) == ["main", "values_0"]


def test_having_keeps_the_rows_that_are_true() -> None:
    """Null is not true."""
    frame = pl.DataFrame({"k": [1, 2, 3], "x": [5, None, 1]})
    assert result(AggregateSpec(("k",), (("s", "sum(x)"),), "s > 1"), frame).rows() == [(1, 5)]
