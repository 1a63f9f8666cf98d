"""Names as configured, expanded."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fetch.patterns import expand, is_glob, is_url, shown_url

DAY = dt.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("plain.csv", ["plain.csv"]),
        ("{a..d}", ["a", "b", "c", "d"]),
        ("{08..11}", ["08", "09", "10", "11"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{0..2}", ["0", "1", "2"]),
        ("{3..1}", ["3", "2", "1"]),
        ("{-1..1}", ["-1", "0", "1"]),
        ("{x,y}-{1..2}", ["x-1", "x-2", "y-1", "y-2"]),
        ("{a,b{1,2},{c..d}}!", ["a!", "b1!", "b2!", "c!", "d!"]),
        ("{x,}.gz", ["x.gz", ".gz"]),
        ("{date:%Y-%m-%d}.csv", ["2026-11-22.csv"]),
        ("{date:%m-%d-%Y}/{date}", ["11-22-2026/2026-11-22"]),
        ("{{date:%d},x}", ["22", "x"]),
        ("{single}{}", ["{single}{}"]),
        ("{single{1,2}}", ["{single1}", "{single2}"]),
        ("open{a,b", ["open{a,b"]),
        ("a}b{c,d}", ["a}bc", "a}bd"]),
        ("{a..10}", ["{a..10}"]),
    ],
)
def test_braces_and_dates_are_expanded_in_order(pattern: str, names: list[str]) -> None:
    """As bash does; dates first; what is no group stays as it is."""
    assert expand(pattern, DAY) == names


@settings(deadline=None)
@given(st.lists(st.lists(st.text("abc*/", min_size=0, max_size=3), min_size=2, max_size=3), max_size=4))
def test_every_choice_is_made_once_and_the_last_varies_fastest(groups: list[list[str]]) -> None:
    """The names are the product of the groups."""
    expected = [""]
    for group in groups:
        expected = [name + choice for name in expected for choice in group]
    assert expand("".join("{" + ",".join(group) + "}" for group in groups), DAY) == expected


def test_a_slip_of_the_keyboard_is_refused() -> None:
    """Before the memory is full."""
    with pytest.raises(ValueError, match="more than 1,000 names"):
        expand("{0..9}{0..9}{0..9}{0..1}", DAY, limit=1000)
    assert len(expand("{0..9}{0..9}{0..9}", DAY, limit=1000)) == 1000


def test_urls_and_globs_are_told_apart() -> None:
    """By scheme, and by the signs of a glob."""
    assert is_url("HTTPS://host/x")
    assert not is_url("https.csv")
    assert [is_glob(name) for name in ("a*", "a?", "[ab]", "a{b,c}", "a.csv")] == [True, True, True, False, False]


def test_a_shown_url_keeps_no_secret() -> None:
    """Query, fragment, user and password are where credentials are."""
    shown = shown_url("https://user:pass@host:8443/a%20b/x.gz?sig=SECRET#SECRET")
    assert shown == "https://host:8443/a%20b/x.gz"
