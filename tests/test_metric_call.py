"""Metric calls: the grammar and its complaints."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metric_call import METRICS, MetricCall, parse_call, split_arguments


@pytest.mark.parametrize(
    ("text", "name", "args"),
    [
        ("count()", "count", ()),
        (" count( ) ", "count", ()),
        ("count(x)", "count", ("x",)),
        ("SUM(x)", "sum", ("x",)),
        ("quantile(dep_delay, 0.9)", "quantile", ("dep_delay", "0.9")),
        ("sum(cast(coalesce(a, b) as int))", "sum", ("cast(coalesce(a, b) as int)",)),
        ("top_k(concat(a, ', ('), 3)", "top_k", ("concat(a, ', (')", "3")),
        ("sum(case when s = 'it''s, (' then 1 else 0 end)", "sum", ("case when s = 'it''s, (' then 1 else 0 end",)),
        ('first("a,b")', "first", ('"a,b"',)),
        ("histogram(x, -5, 5e2, 10)", "histogram", ("x", "-5", "5e2", "10")),
    ],
)
def test_a_call_is_split_at_the_commas_of_its_top_level(text: str, name: str, args: tuple[str, ...]) -> None:
    """Brackets and quotes protect commas; blanks around arguments and the case of the name do not count."""
    assert parse_call(text) == MetricCall(name, args)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a metric call"),
        ("sum", "lacks its argument"),
        ("sum(x) / 2", "not a metric call"),
        ("sum(x) + sum(y)", "without its opening"),
        ("sum(x", "not a metric call"),
        ("sum((x)", "')' is missing"),
        ("sum('x)", '"\'" is missing'),
        ("summ(x)", "did you mean 'sum'?"),
        ("frobnicate(x)", "known are any, approx_distinct"),
        ("sum()", "sum takes 1 argument: sum(x)"),
        ("sum(a, b)", "sum takes 1 argument: sum(x)"),
        ("quantile(x)", "quantile takes 2 arguments: quantile(x, q)"),
        ("quantile(x, 90)", "q must be a number from 0 to 1, not 90"),
        ("quantile(x, -0.1)", "q must be a number from 0 to 1, not -0.1"),
        ("quantile(x, nan)", "q must be"),
        ("quantile(x, y)", "q must be a number from 0 to 1, not y"),
        ("top_k(x, 0)", "k must be a whole number"),
        ("top_k(x, 1.5)", "k must be a whole number"),
        ("top_k(x, inf)", "k must be a whole number"),
        ("histogram(x, 5, 5, 10)", "low must be below high"),
        ("histogram(x, inf, 5, 10)", "low must be a number"),
        ("histogram(x, 0, 5, 0)", "bins must be a whole number"),
        ("sum(x,)", "an argument is empty"),
        ("count(*)", "written count()"),
    ],
)
def test_what_is_not_a_known_metric_rightly_called_is_refused(text: str, words: str) -> None:
    """Every refusal says what is wrong in words fit for a complaint."""
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_call(text)


ARGUMENT = st.sampled_from(["x", "a + b", "f(a, b)", "'a,(b'", '"c,d"', "[1, 2]", "case when a in (1, 2) then b end"])


@given(st.lists(ARGUMENT, min_size=1, max_size=5))
def test_joined_arguments_split_again(args: list[str]) -> None:
    """Splitting undoes joining with commas."""
    assert split_arguments(" , ".join(args)) == tuple(args)


@given(st.text(alphabet="suma(),'\"x[] 1", max_size=20))
def test_any_text_is_a_call_or_a_value_error(text: str) -> None:
    """No text makes the parser fail in another way."""
    try:
        call = parse_call(text)
    except ValueError:
        return
    assert call.name in METRICS
