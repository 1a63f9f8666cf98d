"""Numbers and names as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.console.units import clock, counted, duration, percent, safe, short, size


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1023, "1023 B"),
        (1023.9, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1000, "0.98 MiB"),
        (12_345_678, "11.8 MiB"),
        (340 << 20, "340 MiB"),
        (3 << 50, "3 PiB"),
        (5_000_000 << 50, "5000000 PiB"),
    ],
)
def test_sizes_have_three_digits_that_count(nbytes: float, text: str) -> None:
    """A size is shown in the unit that leaves at most three digits before the point."""
    assert size(nbytes) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7, "7"),
        (0.5, "0.5"),
        (999, "999"),
        (1000, "1 k"),
        (336_776, "337 k"),
        (1_234_567, "1.23 M"),
        (2e9, "2 G"),
    ],
)
def test_short_numbers(number: float, text: str) -> None:
    """A number that changes as one looks at it is shown short."""
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.004, "0.00 s"),
        (0.923, "0.92 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (3 * 3600 + 61, "3 h 01 min"),
    ],
)
def test_durations_never_show_sixty_seconds(seconds: float, text: str) -> None:
    """Rounding carries over: there is no `60.0 s` and no `1 min 60 s`."""
    assert duration(seconds) == text


def test_the_clock_shows_hours_only_when_there_are_any() -> None:
    """A display that stays in place keeps its width for an hour."""
    assert [clock(75.9), clock(3675)] == ["01:15", "1:01:15"]


def test_counts_agree_with_their_nouns() -> None:
    """One shard, two shards, three retries; thousands are separated."""
    assert [counted(1, "shard"), counted(0, "shard"), counted(3, "retry"), counted(336_776, "record")] == [
        "1 shard",
        "0 shards",
        "3 retries",
        "336,776 records",
    ]


def test_a_share_that_rounds_to_nothing_is_not_called_nothing() -> None:
    """0 % means none at all."""
    assert [percent(0), percent(0.001), percent(0.934), percent(1)] == ["0 %", "<1 %", "93 %", "100 %"]


@given(st.text())
def test_safe_text_cannot_command_a_terminal(text: str) -> None:
    """Whatever a name holds, what is shown holds no control character and no line break."""
    assert safe(text).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P"])))
def test_safe_text_leaves_letters_alone(text: str) -> None:
    """Names in any script are shown as they are."""
    assert safe(text) == text


def test_an_escape_sequence_is_spelled_out() -> None:
    """A file name that would clear the screen is shown, not obeyed."""
    assert safe("\x1b[2Jfile\n.csv") == "\\x1b[2Jfile\\n.csv"
