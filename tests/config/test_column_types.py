"""Column types and their one spelling."""

from __future__ import annotations

import re

import pytest

from pipeline.config.column_types import PLAIN_TYPES, column_type


@pytest.mark.parametrize("text", PLAIN_TYPES)
def test_plain_types_are_their_own_spelling(text: str) -> None:
    """Blanks around them do not count."""
    assert column_type(f" {text} ") == text


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("decimal(10, 2)", "decimal(10,2)"),
        ("decimal ( 38,0 )", "decimal(38,0)"),
        ("datetime(%Y-%m-%d)", "datetime(%Y-%m-%d)"),
        ("datetime( %d/%b/%Y:%H:%M:%S %z )", "datetime(%d/%b/%Y:%H:%M:%S %z)"),
    ],
)
def test_types_with_arguments_have_one_spelling(text: str, spelling: str) -> None:
    """Equal types make equal jobs."""
    assert column_type(text) == spelling


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("int", "did you mean 'int64'?"),
        ("Float", "did you mean 'float64'?"),
        ("strng", "did you mean 'string'?"),
        ("STRING", "did you mean 'string'?"),
        ("decimal", "written decimal(p, s)"),
        ("decimal(2, 3)", "p from 1 to 38 and s from 0 to p"),
        ("decimal(39, 0)", "p from 1 to 38"),
        ("datetime(now)", "needs a format such as"),
        ("list", "types are string"),
        ("", "types are string"),
    ],
)
def test_an_unknown_type_names_the_nearest(text: str, words: str) -> None:
    """The names of other systems lead to ours."""
    with pytest.raises(ValueError, match=re.escape(words)):
        column_type(text)
