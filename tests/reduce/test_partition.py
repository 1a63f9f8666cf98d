"""Partition: keys to buckets, equal keys to the same one."""

import polars as pl
import pytest

from pipeline.reduce.partition import bucket_of, split

MAIN = pl.DataFrame({"k": [f"word{place % 50}" for place in range(200)], "n": range(200)})


def test_every_row_is_in_one_bucket_in_the_order_it_came() -> None:
    """Nothing lost, nothing twice, and the order of addition stays."""
    parts = split({"main": MAIN}, ["k"], 7)
    assert sorted(pl.concat([part["main"] for part in parts])["n"]) == list(range(200))
    assert all(part["main"]["n"].is_sorted() for part in parts)
    assert len(parts) == 7


def test_equal_keys_are_in_one_bucket_in_every_table() -> None:
    """Also where other rows surround them."""
    other = MAIN.reverse().unique("k", keep="first", maintain_order=True)
    for one, two in zip(split({"t": MAIN}, ["k"], 5), split({"t": other}, ["k"], 5), strict=True):
        assert set(one["t"]["k"]) == set(two["t"]["k"])


def test_zeros_are_one_key_and_so_is_nan() -> None:
    """As grouping has it."""
    keys = pl.DataFrame({"k": [0.0, -0.0, float("nan"), -float("nan")]})
    first, second, third, fourth = bucket_of(keys, ["k"], 1000)
    assert (first, third) == (second, fourth)


def test_a_result_without_keys_cannot_be_split() -> None:
    """Every bucket would give a row of its own."""
    assert [part["main"].height for part in split({"main": MAIN}, [], 1)] == [200]
    with pytest.raises(ValueError, match="without keys"):
        split({"main": MAIN}, [], 2)
