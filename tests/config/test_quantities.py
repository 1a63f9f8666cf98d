"""Sizes, durations and reject limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.quantities import (
    SIZE_UNITS,
    RejectLimit,
    parse_duration,
    parse_reject_limit,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [("16MiB", 16 << 20), ("1GB", 10**9), ("1.5 kB", 1500), ("1kib", 1024), (4096, 4096), ("0B", 0), ("1_000B", 1000)],
)
def test_sizes_are_bytes(text: object, size: int) -> None:
    """Decimal and binary units, in either case, with a blank or none."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["16", "16M", "16 mega", "-1B", "0.5B", "1e3B", "", "MiB", True, 1.5, None, [], -1, "9" * 30 + "B"]
)
def test_what_is_no_size_is_refused(text: object) -> None:
    """A text needs a unit, a fraction of a byte is none, true is no number."""
    with pytest.raises(ValueError, match="a size such as 16MiB"):
        parse_size(text)


@given(st.integers(0, 10_000), st.sampled_from(sorted(SIZE_UNITS)))
def test_a_size_is_number_times_unit(number: int, unit: str) -> None:
    """Exactly, without rounding."""
    assert parse_size(f"{number}{unit}") == number * SIZE_UNITS[unit]


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("1h", 3600), ("500ms", 0.5), ("1.5 d", 129600)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    """m is minutes, ms is milliseconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["30", 30, "30 sec", "1M", "", None, "-5s", "s"])
def test_a_duration_without_a_unit_is_refused(text: object) -> None:
    """30 could be seconds or milliseconds: nobody guesses."""
    with pytest.raises(ValueError, match="a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "limit", "words"),
    [
        (0, RejectLimit(count=0), "0"),
        (7, RejectLimit(count=7), "7"),
        ("0.1%", RejectLimit(share=0.001), "0.1%"),
        ("100 %", RejectLimit(share=1.0), "100%"),
    ],
)
def test_a_reject_limit_is_a_count_or_a_share(text: object, limit: RejectLimit, words: str) -> None:
    """And reads again as it was written."""
    assert parse_reject_limit(text) == limit
    assert str(limit) == words


@pytest.mark.parametrize("text", ["101%", "-1%", "7", 0.5, -1, True, "many", None])
def test_what_is_no_reject_limit_is_refused(text: object) -> None:
    """A bare fraction is ambiguous: 0.5 of a record, or half of all?"""
    with pytest.raises(ValueError, match="a count such as 100"):
        parse_reject_limit(text)


@pytest.mark.parametrize(
    ("limit", "rejected", "records", "allowed"),
    [
        (RejectLimit(count=2), 2, 10, True),
        (RejectLimit(count=2), 3, 10**9, False),
        (RejectLimit(share=0.001), 1, 1000, True),
        (RejectLimit(share=0.001), 1, 999, False),
        (RejectLimit(share=0.0), 0, 0, True),
    ],
)
def test_a_limit_allows_up_to_itself(limit: RejectLimit, rejected: int, records: int, *, allowed: bool) -> None:
    """Past it the run fails; at it the run is done."""
    assert limit.allows(rejected, records) is allowed
