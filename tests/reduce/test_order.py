"""Order: by what is asked for, then by the keys."""

import polars as pl
import pytest

from pipeline.reduce.order import order

RESULT = pl.DataFrame({"a": [None, 2, 1, 1], "b": ["x", "y", "z", "w"], "n": [5.0, None, float("nan"), 5.0]})


@pytest.mark.parametrize(
    ("order_by", "limit", "expected"),
    [
        ((), None, "wzyx"),
        (("-a",), None, "ywzx"),
        (("n",), None, "wxzy"),
        (("-n",), None, "zwxy"),
        (("-n", "-a"), 3, "zwx"),
        (("-b",), 0, ""),
    ],
)
def test_order_is_total_and_nulls_are_last(order_by: tuple[str, ...], limit: int | None, expected: str) -> None:
    """Ties are broken by all keys, ascending; NaN is larger than every number; null comes last either way."""
    found = order(order_by, ("a", "b"), limit, RESULT.schema)(RESULT)
    assert "".join(found["b"]) == expected


def test_a_name_may_begin_with_a_minus() -> None:
    """What is a column is taken as one."""
    frame = pl.DataFrame({"-x": [2, 1], "x": [1, 2]})
    assert order(("-x",), (), None, frame.schema)(frame)["-x"].to_list() == [1, 2]


def test_what_cannot_be_ordered_by_is_a_complaint() -> None:
    """Unknown names with the nearest, and lists."""
    with pytest.raises(ValueError, match="order_by: no column 'bb'; did you mean 'b'"):
        order(("-bb",), (), None, RESULT.schema)
    with pytest.raises(ValueError, match="order_by: 'l' is a list"):
        order(("l",), (), None, pl.Schema({"l": pl.List(pl.Int64)}))
