"""Plain YAML scalars: the core schema of YAML 1.2."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.scalars import core_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("012", 12),
        ("-7", -7),
        ("200_000_000", 200_000_000),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E-2", -0.015),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
    ],
)
def test_numbers_booleans_and_null_are_recognised(text: str, value: object) -> None:
    """Leading zeros do not make octals, underscores group digits, floats need neither sign nor point."""
    assert core_scalar(text) == value
    assert type(core_scalar(text)) is type(value)


WORDS = "on off yes no y N 12:30:45 2026-11-22 1_ _1 1__2 e5 . - + 0b1 << = tRUE nan inf 1.2.3 -.nan"


@pytest.mark.parametrize("text", [*WORDS.split(), "9" * 5000])
def test_words_of_yaml_1_1_stay_text(text: str) -> None:
    """`on`, sexagesimals, dates and digit strings of any length are what they look like: text."""
    assert core_scalar(text) == text


def test_nan_is_a_number() -> None:
    """.nan is the float, not text."""
    value = core_scalar(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


@given(st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False), st.booleans(), st.none()))
def test_what_yaml_writes_is_read_again(value: object) -> None:
    """A scalar that a YAML library writes comes back as the same value."""
    text = yaml.safe_dump(value).splitlines()[0]
    assert core_scalar(text) == value
