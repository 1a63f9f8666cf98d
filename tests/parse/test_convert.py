"""Text to values: what each type accepts, and that nothing is cut, wrapped or guessed."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputRefused
from pipeline.parse.convert import convert, refused
from pipeline.parse.dtypes import dtype_of


def moment(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - ours carry no zone


ACCEPTED: dict[str, dict[str, object]] = {
    "string": {"": "", " x ": " x "},
    "bool": {"true": True, "FALSE": False, "True": True},
    "int8": {"-128": -128, "+5": 5, "007": 7},
    "uint64": {"18446744073709551615": 2**64 - 1},
    "float64": {"1": 1.0, "-1.5e3": -1500.0, ".5": 0.5, "inf": float("inf"), "-Infinity": float("-inf"), "1e-400": 0.0},
    "float32": {"16777217": 16777216.0, "INF": float("inf")},
    "decimal(5,2)": {
        "1": Decimal("1.00"),
        "-.5": Decimal("-0.50"),
        "999.99": Decimal("999.99"),
        "1.5000": Decimal("1.50"),
    },
    "decimal(3,0)": {"5.": Decimal(5), "5.0": Decimal(5)},
    "decimal(38,38)": {"." + "1" * 38: Decimal("." + "1" * 38)},
    "date": {"2026-11-22": dt.date(2026, 11, 22)},
    "datetime": {
        "2026-11-22": moment(2026, 11, 22),
        "2026-11-22T13:45": moment(2026, 11, 22, 13, 45),
        "2026-11-22 13:45:10": moment(2026, 11, 22, 13, 45, 10),
        "2026-11-22T13:45:10.1234567": moment(2026, 11, 22, 13, 45, 10, 123456),
        "2026-11-22T13:45:10Z": moment(2026, 11, 22, 13, 45, 10),
        "2026-11-22 13:45:10.5-04:00": moment(2026, 11, 22, 17, 45, 10, 500000),
        "2026-11-22T13:45+0200": moment(2026, 11, 22, 11, 45),
    },
    "datetime(%d/%m/%Y)": {"22/11/2026": moment(2026, 11, 22)},
    "datetime(%d/%b/%Y:%H:%M:%S %z)": {"01/Jul/1995:00:00:01 -0400": moment(1995, 7, 1, 4, 0, 1)},
    "duration": {
        "26:03:04.5": dt.timedelta(hours=26, minutes=3, seconds=4.5),
        "-0:00:01": dt.timedelta(seconds=-1),
        "P1W2DT3H4M5.000006S": dt.timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5, microseconds=6),
        "-PT1.5S": dt.timedelta(seconds=-1.5),
        "P2W": dt.timedelta(weeks=2),
    },
}
REFUSED: dict[str, tuple[str, ...]] = {
    "bool": ("1", "0", "yes", "t", " true"),
    "int8": ("128", "-129", "1.0", "1e1", "0x1", "1_0", "x", " "),
    "uint64": ("-1", "18446744073709551616"),
    "float64": ("1e400", "-1e400", "1,5", "1e", "x", "9" * 400),
    "float32": ("1e39", "3.4028236e38"),
    "decimal(5,2)": ("1.555", "1000", "1e2", "nan", ".", "-"),
    "decimal(3,0)": ("5.5", ".5", "1000"),
    "date": ("22/11/2026", "2026-13-01", "2026-02-30", "2026-11-22T00:00", "x"),
    "datetime": ("22/11/2026 10:00", "2026-11-22T25:00", "10:00", "x", "2026-11-22T13:45:10 Z x"),
    "datetime(%d/%m/%Y)": ("2026-11-22", "22/11/2026 10:00"),
    "duration": ("P", "PT", "P1Y", "1h", "1:60:00", "P9999999999W", "5", "-"),
}


@pytest.mark.parametrize(
    ("type", "text", "value"), [(t, *item) for t, cases in ACCEPTED.items() for item in cases.items()]
)
def test_a_value_is_read(type: str, text: str, value: object) -> None:
    """Alone, and the same among others of other forms: nothing is guessed from the first."""
    others = pl.Series([*REFUSED.get(type, ()), None, "", *ACCEPTED[type]], dtype=pl.String)
    alone, among = pl.Series([text]), others.extend(pl.Series([text]))
    assert convert(alone, type).to_list() == [value]
    assert convert(among, type)[-1] == value
    assert convert(among, type).dtype == dtype_of(type)
    assert not refused(among, convert(among, type))[-1]


@pytest.mark.parametrize(("type", "text"), [(t, text) for t, texts in REFUSED.items() for text in texts])
def test_what_is_no_value_is_refused(type: str, text: str) -> None:
    """It becomes null and is marked, alone and among others."""
    for texts in ([text], [*ACCEPTED[type], text]):
        series = pl.Series(texts, dtype=pl.String)
        values = convert(series, type)
        assert values[-1] is None
        assert refused(series, values).to_list() == [False] * (len(texts) - 1) + [True]


@pytest.mark.parametrize("type", [*ACCEPTED, "int64", "uint8"])
def test_missing_is_null_and_not_refused(type: str) -> None:
    """Null, and the empty text of every type but string."""
    texts = pl.Series([None, ""], dtype=pl.String)
    values = convert(texts, type)
    assert values.to_list() == [None, "" if type == "string" else None]
    assert not refused(texts, values).any()
    assert convert(texts.clear(), type).dtype == dtype_of(type)


def test_nan_is_a_float() -> None:
    """In any case of letters."""
    assert convert(pl.Series(["nan", "NaN"]), "float64").is_nan().all()


def test_a_format_that_the_library_does_not_know_is_refused() -> None:
    """It names the type as the config spells it."""
    with pytest.raises(InputRefused, match=r"datetime\(%Y%m%d%H\) is not a usable format"):
        convert(pl.Series(["2026112210"]), "datetime(%Y%m%d%H)")


@given(st.lists(st.integers(-(2**40), 2**40), max_size=5))
def test_durations_survive_their_iso_text(micros: Sequence[int]) -> None:
    """What the library writes for a duration is read back."""
    values = pl.Series(micros, dtype=pl.Int64).cast(pl.Duration("us"))
    assert convert(values.dt.to_string("iso"), "duration").to_list() == values.to_list()


@given(st.lists(st.datetimes(min_value=moment(1, 1, 1)), max_size=5), st.sampled_from("T "))
def test_datetimes_survive_their_iso_text(values: Sequence[dt.datetime], separator: str) -> None:
    """Every microsecond of every year."""
    texts = pl.Series([value.isoformat(separator) for value in values], dtype=pl.String)
    assert convert(texts, "datetime").to_list() == list(values)


@pytest.mark.parametrize("type", ["", "int", "decimal(39,2)", "decimal(2,3)", "decimal", "datetime()", "Int64", "list"])
def test_an_unknown_type_is_no_type(type: str) -> None:
    """dtype_of raises for it, naming it."""
    with pytest.raises(ValueError, match="is not a column type"):
        dtype_of(type)
