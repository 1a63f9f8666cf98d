"""Types in messages are those of the config."""

import polars as pl
import pytest

from pipeline.parse.dtypes import dtype_of
from pipeline.reduce.type_names import translated, type_name

PLAIN = ["string", "bool", "int8", "int64", "uint16", "float32", "float64", "decimal(10,2)", "date", "datetime"]


@pytest.mark.parametrize("name", [*PLAIN, "duration", "binary"])
def test_a_type_is_spelled_as_in_a_config(name: str) -> None:
    """What a config can say comes back as it was."""
    assert type_name(dtype_of(name)) == name


def test_what_only_a_result_has_is_spelled_alike() -> None:
    """Metrics give lists and structs."""
    top = pl.List(pl.Struct({"value": pl.String, "count": pl.UInt64}))
    assert type_name(top) == "list(struct(value: string, count: uint64))"


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        (
            "conversion from `str` to `i32` failed in column 'str' for 1 out of 1 values: [\"i32\"]",
            "conversion from `string` to `int32` failed in column 'str' for 1 out of 1 values: [\"i32\"]",
        ),
        ("arithmetic on dtypes str and f64 is not allowed", "arithmetic on dtypes string and float64 is not allowed"),
        ("& on UInt64 and Boolean is not supported\nHint: pl.cast", "& on uint64 and bool is not supported"),
        ("from `str` to `decimal[5,2]` failed", "from `string` to `decimal(5,2)` failed"),
        ("invalid function strftime of i64s and dates", "invalid function strftime of i64s and dates"),
    ],
)
def test_the_names_of_the_library_do_not_reach_a_user(message: str, ours: str) -> None:
    """Outside of quotes: what stands in them is the user's own."""
    assert translated(message) == ours
