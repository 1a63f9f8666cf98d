"""The grammar reads expressions as Polars does, and keeps their text."""

import polars as pl
import pytest

from pipeline.reduce.grammar import parse, quoted, render

SCHEMA = pl.Schema({"a": pl.Int64, "b": pl.Int64, "c": pl.Boolean, "s": pl.String})


@pytest.mark.parametrize(
    ("text", "bracketed"),
    [
        ("a + b * 2 - 1", "((a + (b * 2)) - 1)"),
        ("a - b - 1", "((a - b) - 1)"),
        ("-a * b", "((-a) * b)"),
        ("-a::int", "(-(a::int))"),
        ("not a = b and c", "((not (a = b)) and c)"),
        ("c or c and not c", "(c or (c and (not c)))"),
        ("a + 1 between b and b + 2 and c", "(((a + 1) between b and (b + 2)) and c)"),
        ("a & b + 1 | 2", "((a & (b + 1)) | 2)"),
        ("s || 'x' like 'y%' and c", "(((s || 'x') like 'y%') and c)"),
        ("a + 1 is null or c", "(((a + 1) is null) or c)"),
        ("a in (1, b + 1) = c", "((a in (1, (b + 1))) = c)"),
        ("a % 2 // b / 3", "(((a % 2) // b) / 3)"),
    ],
)
def test_operators_bind_as_polars_binds_them(text: str, bracketed: str) -> None:
    """The brackets that the tree implies change nothing for Polars."""
    node = parse(text)
    assert render(text, node, lambda _: None) == text
    plans = [pl.LazyFrame(schema=SCHEMA).sql(f"SELECT {sql} AS v FROM self").explain() for sql in (text, bracketed)]
    assert plans[0] == plans[1]
    assert [part.name for part in parse(bracketed).walk() if part.name != "()"] == [part.name for part in node.walk()]


def test_columns_are_rewritten_where_they_stand() -> None:
    """Strings, functions, types and words that look like a column are not."""
    text = "CASE WHEN a = 'a' THEN concat(s, \"b\") ELSE CAST(a AS varchar(3)) END"
    node = parse(text)
    found = render(text, node, lambda part: quoted(part.name.upper()) if part.kind == "column" else None)
    assert found == 'CASE WHEN "A" = \'a\' THEN concat("S", "B") ELSE CAST("A" AS varchar(3)) END'


def test_quotes_inside_names_survive() -> None:
    """A column may be called anything."""
    assert parse(quoted('a "b" c')).name == 'a "b" c'
