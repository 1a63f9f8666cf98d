"""Law 7: integer arithmetic gives the right number or an error, for every type and depth."""

import contextlib
import functools
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputRefused
from pipeline.model import Derive
from pipeline.reduce import expressions
from pipeline.reduce.grammar import parse
from pipeline.reduce.transform import Transform

TYPES = {"a": pl.Int64(), "b": pl.Int64(), "c": pl.Int32(), "d": pl.Int8(), "u": pl.UInt64(), "v": pl.UInt8()}
SIGNED, UNSIGNED = ("a", "b", "c", "d", "v"), ("u", "v")
RANGES = {"a": 63, "b": 63, "c": 31, "d": 7}


def near(bits: int) -> st.SearchStrategy[int]:
    """Integers of the type, mostly at its ends, at zero, and at the roots where products reach the ends."""
    high = 2**bits - 1
    return st.one_of(
        st.integers(-high - 1, high), st.integers(-3, 3), st.sampled_from([-high - 1, high, 2 ** (bits // 2)])
    )


VALUES = {name: near(bits) for name, bits in RANGES.items()} | {
    "u": near(64).map(abs).filter(lambda value: value < 2**64),
    "v": st.integers(0, 255),
}


def trees(columns: tuple[str, ...]) -> st.SearchStrategy[str]:
    leaf = st.one_of(st.sampled_from(columns), st.integers(0, 3).map(str))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
            inner.map(lambda part: f"-{part}" if not part.startswith("-") else part),
            inner.map(lambda part: f"abs({part})"),
        ),
        max_leaves=6,
    )


@functools.cache
def compiled(text: str) -> expressions.RowExpression:
    return expressions.compile(text, pl.Schema(TYPES))


def values(text: str, frame: pl.DataFrame) -> pl.Series:
    return Transform((Derive((("value", text),)),), frame.schema).apply(frame)["value"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arithmetic_is_right_or_an_error(data: st.DataObject) -> None:
    """Against Python's integers, which have no end."""
    columns = data.draw(st.sampled_from([SIGNED, UNSIGNED]))
    text = data.draw(trees(columns).filter(lambda text: any(name in text for name in columns)))
    row: dict[str, Any] = {name: data.draw(values) for name, values in VALUES.items()}
    right = [eval(text[part.start : part.stop], {}, row | {"abs": abs}) for part in parse(text).walk()]
    frame = pl.DataFrame([row], schema=TYPES)
    if all(0 <= value < 2**7 for value in right):
        assert values(text, frame).item() == right[0]  # every part fits every type: no reason to refuse
        return
    with contextlib.suppress(InputRefused):
        assert values(text, frame).item() == right[0]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a + 1", {"a": 2**63 - 1}),
        ("-a", {"a": -(2**63)}),
        ("abs(a)", {"a": -(2**63)}),
        ("a * b", {"a": 2**32, "b": 2**32}),
        ("a * a * a", {"a": 2**43}),
        ("c * c * c * c * c", {"c": 2**30}),
        ("u - 1", {"u": 0}),
        ("u * u", {"u": 2**32}),
        ("c + 1", {"c": 2**31 - 1}),
        ("d * 2", {"d": 64}),
        ("power(a, 2)", {"a": 2**32}),
        ("a // -1", {"a": -(2**63)}),
        ("coalesce(a, 0) + 1", {"a": 2**63 - 1}),
        ("CASE WHEN a > 0 THEN a + 1 ELSE 0 END", {"a": 2**63 - 1}),
        ("a + 1 > 0", {"a": 2**63 - 1}),
    ],
)
def test_what_polars_would_wrap_is_refused(text: str, row: dict[str, int]) -> None:
    """Each of these gives a wrong number in the plain expression."""
    frame = pl.DataFrame([row], schema={name: TYPES[name] for name in row})
    with pytest.raises(InputRefused, match=r"does not fit|conversion from .* failed"):
        values(text, frame)


@pytest.mark.parametrize("text", ["a // 2", "c % 10 * 2", "a > 1", "a / 2", "2 * 3", "d + v"])
def test_what_cannot_overflow_is_left_as_it_is(text: str) -> None:
    """Only arithmetic that could leave its type pays for the check."""
    assert compiled(text).checks == ()


def test_the_message_names_the_operation_and_a_row() -> None:
    """What to look for in the input, with `_shard` and `_line` where the job has them."""
    frame = pl.DataFrame({"a": [1, 2**62], "_line": [10, 11]})
    with pytest.raises(InputRefused) as refused:
        values("coalesce(a * 2, 0)", frame)
    assert refused.value.message == (
        "coalesce(a * 2, 0): a * 2 does not fit int64 where a = 4611686018427387904, _line = 11"
    )
