"""Row expressions: what is accepted and what it gives, what is refused and why."""

# ruff: noqa: DTZ001 - the columns have no zone

import datetime as dt
from typing import Any

import polars as pl
import pytest

from pipeline.errors import InputRefused
from pipeline.model import Derive
from pipeline.reduce import expressions
from pipeline.reduce.transform import Transform

FRAME = pl.DataFrame(
    {
        "year": [1999, 2004, None],
        "delay": [7, -7, 0],
        "size": [1, 2, 3],
        "price": ["1.50", "2.25", None],
        "share": [0.5, float("nan"), None],
        "name": ["UA", "b6", None],
        "ok": [True, False, None],
        "day": [dt.date(2013, 1, 31), dt.date(2013, 12, 1), None],
        "at": [dt.datetime(2013, 1, 31, 10, 20, 30), dt.datetime(2013, 12, 1), None],
        "took": [dt.timedelta(hours=1), dt.timedelta(0), None],
        "Country/Region": ["x", "y", "z"],
        "user.name": ["a", "b", "c"],
        "user": ["p", "q", "r"],
    },
    schema_overrides={"year": pl.Int32, "size": pl.UInt64},
).with_columns(pl.col("price").cast(pl.Decimal(10, 2)), pl.col("at").cast(pl.Datetime("us")))


def evaluated(text: str, frame: pl.DataFrame) -> pl.Series:
    return Transform((Derive((("value", text),)),), frame.schema).apply(frame)["value"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("year - year % 10", [1990, 2000, None]),
        ("year >= 2000", [False, True, None]),
        ("year >= 2000 OR ok", [True, True, None]),
        ("year IS NULL", [False, False, True]),
        ("NOT ok", [False, True, None]),
        ("delay / 2", [3.5, -3.5, 0.0]),
        ("delay // 2", [3, -3, 0]),
        ("delay % 4", [3, -3, 0]),
        ("delay / 0", "[inf, -inf, nan]"),
        ("delay // 0", [None, None, None]),
        ("delay % 0", [None, None, None]),
        ("-delay", [-7, 7, 0]),
        ("- -delay", [7, -7, 0]),
        ("+delay", [7, -7, 0]),
        ("abs(delay)", [7, 7, 0]),
        ("power(delay, 2)", [49, 49, 0]),
        ("delay BETWEEN -7 AND 0", [False, True, True]),
        ("delay NOT BETWEEN -7 AND 0 AND ok", [True, False, False]),
        ("delay IN (7, -7)", [True, True, False]),
        ("delay NOT IN (7, 1 + 1)", [False, True, True]),
        ("name IN ('UA', 'AA')", [True, False, None]),
        ("name LIKE 'U%'", [True, False, None]),
        ("name NOT ILIKE 'B%'", [True, False, None]),
        ("name ~ '^[A-Z]+$'", [True, False, None]),
        ("name || '-' || delay", ["UA-7", "b6--7", None]),
        ("upper(name)", ["UA", "B6", None]),
        ("coalesce(name, 'none')", ["UA", "b6", "none"]),
        (
            "CASE WHEN delay > 0 THEN 'late' WHEN delay < 0 THEN 'early' ELSE 'on time' END",
            ["late", "early", "on time"],
        ),
        ("CASE delay WHEN 7 THEN 1 END", [1, None, None]),
        ("CAST(delay AS DOUBLE)", [7.0, -7.0, 0.0]),
        ("TRY_CAST(name AS INT)", [None, None, None]),
        ("share::float4 > 0", [True, True, None]),
        ("date_trunc('month', at)", [dt.datetime(2013, 1, 1), dt.datetime(2013, 12, 1), None]),
        ("date_trunc('hour', at) = at", [False, True, None]),
        ("EXTRACT(month FROM day)", [1, 12, None]),
        ("strftime(at, '%Y-%m')", ["2013-01", "2013-12", None]),
        ("at >= '2013-06-01'", [False, True, None]),
        ("day = DATE '2013-12-01'", [False, True, None]),
        ("at + INTERVAL '1 day'", [dt.datetime(2013, 2, 1, 10, 20, 30), dt.datetime(2013, 12, 2), None]),
        ("at - at", [dt.timedelta(0), dt.timedelta(0), None]),
        ("greatest(delay, 1)", [7, 1, 1]),
        ('"Country/Region"', ["x", "y", "z"]),
        ("user.name || user", ["ap", "bq", "cr"]),
        ("delay <=> NULL", [False, False, False]),
        ("year IS NOT DISTINCT FROM 1999", [True, False, False]),
        ("1", [1, 1, 1]),
        ("delay -- with a word to it", [7, -7, 0]),
        ("(delay + size::bigint) * /* twice */ 2", [16, -10, 6]),
    ],
)
def test_a_row_expression_gives_what_sql_says(text: str, values: Any) -> None:
    """One value a row, nulls as in SQL, of the type that was promised."""
    found = evaluated(text, FRAME)
    assert (str(found.to_list()) if isinstance(values, str) else found.to_list()) == values
    assert found.dtype == expressions.compile(text, FRAME.schema).dtype


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sum(delay)", "needs many rows"),
        ("COUNT(*)", "needs many rows"),
        ("delay > max(delay)", "needs many rows"),
        ("first(delay)", "needs many rows"),
        ("row_number() OVER (ORDER BY delay)", "needs many rows"),
        ("upper(name) OVER (PARTITION BY name)", "window function"),
        ("delay OVER ()", "window function"),
        ("lag(delay)", "needs many rows"),
        ("now()", "another answer at every run"),
        ("at > now()", "another answer at every run"),
        ("CURRENT_TIMESTAMP", "another answer at every run"),
        ("day = current_date", "another answer at every run"),
        ("random()", "another answer at every run"),
        ("(SELECT 1)", "subquery"),
        ("delay IN (SELECT delay FROM self)", "subquery"),
        ("EXISTS (SELECT 1)", "subquery"),
        ("delay, year", "one expression"),
        ("delay) , (year", "should have ended"),
        ("delay AS late", "the name stands before"),
        ("delay FROM self WHERE true --", "should have ended"),
        ("delay FROM self JOIN other", "should have ended"),
        ("*", "missing before"),
        ("", "an expression is missing"),
        ("delay +", "missing before 'the end'"),
        ("delay late", "should have ended"),
        ("(delay", r"'\)' is missing"),
        ("name = 'UA", "is not closed"),
        ("delay; DROP TABLE self", "';' at character 6 is not understood"),
        ("dealy + 1", "no column 'dealy'; did you mean 'delay'"),
        ("nothing_like_it", "columns are year, delay"),
        ("flor(share)", r"unknown function flor\(\); did you mean floor"),
        ("system('ls')", "unknown function"),
        ("greatest()", "lacks its argument"),
        ("lower(delay)", "expected `string`, got `int64`"),
        ("day + name", "not"),
        ("CAST(delay AS nonsense)", "not"),
        ("end", "is a word of SQL"),
        ("null", "gives null, which is no type of a column"),
        ("size + delay", "no integer type of 64 bits"),
        ("string_to_array(name, ',')", "unknown function"),
    ],
)
def test_what_is_no_row_expression_is_refused_with_a_reason(text: str, reason: str) -> None:
    """Aggregates, windows, clocks and queries would make the answer depend on the cuts or on the hour."""
    with pytest.raises(ValueError, match=reason):
        expressions.compile(text, FRAME.schema)


def test_a_condition_is_true_or_false() -> None:
    """A number is no condition, whatever other languages say."""
    assert expressions.condition("ok", FRAME.schema).column == "ok"
    with pytest.raises(ValueError, match="must be true or false, not int64"):
        expressions.condition("delay", FRAME.schema)


def test_a_value_that_cannot_be_cast_names_the_expression() -> None:
    """Bad data is refused by the expression that meets it."""
    with pytest.raises(InputRefused, match=r"CAST\(name AS INT\) \+ 1: conversion from `string` to `int32` failed"):
        evaluated("CAST(name AS INT) + 1", FRAME)


def test_an_expression_that_does_not_fit_as_a_whole_is_named_once() -> None:
    """Its part at fault is named beside it only where it is a part."""
    with pytest.raises(InputRefused) as refused:
        evaluated("delay * 9223372036854775807", FRAME)
    assert refused.value.message == "delay * 9223372036854775807 does not fit int64 where delay = 7"


def test_the_columns_that_an_expression_reads_are_known() -> None:
    """In order, once each; functions, types and parts of dates are no columns."""
    compiled = expressions.compile("EXTRACT(year FROM day) + year + CAST(delay AS INT) - year", FRAME.schema)
    assert compiled.columns == ("day", "year", "delay")


def test_an_expression_over_no_rows_gives_no_rows() -> None:
    """Even where it reads no column."""
    assert evaluated("1 + 1", FRAME.clear()).len() == 0
