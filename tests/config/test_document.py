"""YAML documents: plain data with lines, and limits on what a text may cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.document import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, Document, parse_document
from pipeline.config.places import Path


def parsed(text: str) -> Document:
    return parse_document(text, "job.yaml")


def complaints(text: str) -> list[str]:
    return [str(each) for each in parsed(text).complaints]


TEXT = """\
# a comment
name: x
inputs:
  - a.csv

  - b.csv
parse: {format: csv,
        header: true}
transform:
  - where: >
      a > 1
      and b > 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("inputs",), 3),
        (("inputs", 0), 4),
        (("inputs", 1), 6),
        (("parse", "format"), 7),
        (("parse", "header"), 8),
        (("transform", 0, "where"), 10),
    ],
)
def test_every_key_and_item_knows_its_line(path: Path, line: int) -> None:
    """Lines count from 1; comments, blank lines, flow style and folded text do not move them."""
    assert parsed(TEXT).places[path].line == line


def test_a_document_is_plain_data() -> None:
    """Quoted scalars are text, plain ones are what YAML 1.2 says, keys are always text as written."""
    document = parsed("a: '1'\nb: 1\non: [yes, 1.5, null]\n2020: x\nnull: y\n")
    assert document.complaints == []
    assert document.data == {"a": "1", "b": 1, "on": ["yes", 1.5, None], "2020": "x", "null": "y"}


def test_an_alias_is_a_copy() -> None:
    """What an alias gives can be changed apart from its anchor."""
    data = parsed("a: &x [1]\nb: *x\n").data
    data["a"].append(2)
    assert data["b"] == [1]


def test_a_key_given_twice_names_both_lines() -> None:
    """YAML's last-one-wins would lose a setting in silence."""
    assert complaints("run:\n  chunk: 1MB\n  chunk: 2MB\n") == [
        "job.yaml:3: run.chunk: is given twice, first in line 2"
    ]


@pytest.mark.parametrize(
    "text",
    ["metrics: {p90: quantile(x, 0.9), n: count()}", "metrics: {n: count(), h: histogram(x, 0, 100, 5)}"],
)
def test_a_call_split_at_its_commas_is_mended_and_named(text: str) -> None:
    """Flow YAML makes two entries of `p90: quantile(x, 0.9)`: one complaint, with the quotes it lacks."""
    document = parsed(text)
    (complaint,) = document.complaints
    assert 'quote it, p90: "quantile(x, 0.9)"' in str(complaint) or 'h: "histogram(x, 0, 100, 5)"' in str(complaint)
    assert len(document.data["metrics"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inputs: [https://host/1gram-{a..z}.gz]", "inside [...] and {...}, text with braces"),
        ("inputs: [{a,b}.csv]", "inside [...] and {...}, text with braces"),
        ("a: {b: ${X}}", "inside [...] and {...}, text with braces"),
        ("inputs:\n  - {a,b}.csv", "text that begins with one of"),
        ("inputs:\n  - *.csv", "quote text that begins with '*'"),
        ("inputs: **/x.csv", "quote text that begins with '*'"),
        ("a: *x", "'*x' refers to no earlier '&x'"),
        ("where: a: b", "text with ': ' in it needs quotes"),
        ("a: @x", "text that begins with one of"),
        ("a: `x`", "text that begins with one of"),
        ("a: %x", "text that begins with one of"),
        ("a: 'x", "a quote that opens here is not closed"),
        ('a: "\\d"', "a backslash is written twice"),
        ("a:\n\tb: 1", "indent with spaces, not tabs"),
        ("a: !x y", "tag '!x' means nothing here"),
        ("a: 1\n---\nb: 1", "a second document begins here"),
        ("? [a]\n: 1", "a key must be plain text"),
        ("{a: 1}: 2", "a key must be plain text"),
        ("a: \x00", "a character that YAML does not allow"),
    ],
)
def test_bad_syntax_says_what_it_nearly_always_means(text: str, words: str) -> None:
    """The parser's words alone help nobody: each has a hint, on one line, at the line of the fault."""
    (complaint,) = complaints(text)
    assert complaint.startswith("job.yaml:")
    assert words in complaint
    assert "\n" not in complaint


def test_an_open_quote_is_reported_where_it_opens() -> None:
    """Not at the end of the file, where the parser noticed."""
    (complaint,) = complaints("a: 1\nb: 'x\nc: 2\nd: 3\n")
    assert complaint.startswith("job.yaml:2: ")


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "values, aliases followed"),
        (f"a: &a x\nb: [{'*a, ' * (MAX_ALIASES + 1)}]", f"more than {MAX_ALIASES} aliases"),
        ("a: &a [*a]", "refers to no earlier"),
        ("a: &a {b: *a}", "refers to no earlier"),
        ("[" * 100_000, f"nested deeper than {MAX_DEPTH}"),
        ("{a: " * 10_000, f"nested deeper than {MAX_DEPTH}"),
        ("\n".join(" " * n + "- " for n in range(0, 400, 2)) + "x", f"nested deeper than {MAX_DEPTH}"),
        ("a: " + "x" * MAX_BYTES, "larger than 1,000,000 bytes"),
        ("- 1\n" * 120_000, "more than 100,000 values"),
        ("a: !!python/object/apply:os.system [id]", "means nothing here"),
        ("a: !!python/name:os.system", "means nothing here"),
        ("!!set {a, b}", "means nothing here"),
        ("a: !!binary aGk=", "means nothing here"),
        ("a: !!int '1'", "means nothing here"),
    ],
    ids=range(14),
)
def test_a_hostile_text_costs_little_and_builds_nothing(text: str, words: str) -> None:
    """Bombs, deep nesting and tags end at a limit, with one complaint and no data."""
    document = parsed(text)
    assert words in str(document.complaints[-1])
    assert document.data is None


def test_merge_keys_are_ordinary_keys() -> None:
    """`<<` is no part of YAML 1.2, so it cannot multiply either."""
    assert parsed("a: &a {x: 1}\nb: {<<: *a}\n").data["b"] == {"<<": {"x": 1}}


def test_a_call_of_thousands_of_parts_is_not_mended_for_ever() -> None:
    """Mending a split call stops at a length that nobody writes."""
    document = parsed("a: {m: f(" + ", ".join(f"x{n}" for n in range(20_000)) + ")}")
    assert len(document.data["a"]) > 19_000


YAML_LIKE = st.text(alphabet=st.sampled_from("ab:- {}[],&*!|>'\"#%@\n\t$\\0~"), max_size=40)


@given(YAML_LIKE)
def test_any_text_is_a_document_or_a_complaint(text: str) -> None:
    """No text makes the reader raise."""
    document = parsed(text)
    assert document.data is None or document.places
    assert all("\n" not in str(each) for each in document.complaints)
