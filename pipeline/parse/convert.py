"""Text to values: a column of strings becomes a column of its type, with null where the text is no such value.

What is accepted, beside the empty text, which is null of every type but string:

- bool: true and false in any case. Not 1 and 0: that is an int8.
- integers: digits with an optional sign, within the range of the type. Not 1.0.
- floats: 1, -1.5, .5, 1e9; nan, inf and infinity in any case, spelled out. A number too large for the type, such as
  1e400, is refused: it would become an infinity that nobody wrote.
- decimal(p, s): digits with an optional sign and point, no exponent. Digits behind the s-th must be zeros.
- date: 2026-11-22.
- datetime: 2026-11-22, then T or a space, then 13:45, 13:45:10 or 13:45:10.123456, then nothing, Z or an offset; or the
  date alone. Digits behind the sixth of a second are cut off. With an offset the value is in UTC.
- datetime(format): what the format says (`chrono` directives, which are those of strftime). With %z in UTC.
- duration: 26:03:04.5 (hours may pass 24) or ISO 8601 without years and months: P1DT2H3M4.5S, P2W; both with a sign.
"""

from __future__ import annotations

from types import MappingProxyType

import polars as pl

from pipeline.errors import InputRefused
from pipeline.parse.dtypes import datetime_format, dtype_of

_BOOLS = MappingProxyType({"true": True, "false": False})
_CLOCK_FORMATS = ("%H:%M:%S%.f", "%H:%M:%S%.f%#z", "%H:%M", "%H:%M%#z")
_ISO = ("%Y-%m-%d", *(f"%Y-%m-%d{separator}{clock}" for separator in "T " for clock in _CLOCK_FORMATS))
_CLOCK = r"^([+-]?)()()([0-9]{1,9}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?$"
_SPAN = (
    r"^([+-]?)P(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:\.([0-9]+))?S)?)?$"
)
_MICROSECONDS = (7 * 86_400_000_000, 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)


def convert(text: pl.Series, type: str) -> pl.Series:
    """Values of `type`; null where the text is null, empty or refused. Raises InputRefused for a datetime format that
    the library does not know."""
    dtype = dtype_of(type)
    format = datetime_format(type)
    match dtype:
        case pl.String():
            return text
        case pl.Boolean():
            return text.str.to_lowercase().replace_strict(_BOOLS, default=None, return_dtype=pl.Boolean)
        case pl.Float32() | pl.Float64():
            return finite(text.cast(dtype, strict=False), text)
        case pl.Decimal():
            return _decimals(text, dtype)
        case pl.Date():
            return text.str.to_date("%Y-%m-%d", strict=False)
        case pl.Datetime():
            return _datetimes(text) if format is None else _datetimes_as(text, format)
        case pl.Duration():
            return _durations(text)
    return text.cast(dtype, strict=False)


def refused(text: pl.Series, values: pl.Series) -> pl.Series:
    """A mask: there was text, and it is no value of the type."""
    if values.dtype == pl.String:
        return pl.repeat(value=False, n=len(text), eager=True)
    return values.is_null() & (text != "").fill_null(value=False)


def finite(values: pl.Series, text: pl.Series) -> pl.Series:
    """Floats without the infinities that the text does not spell."""
    overflown = values.is_infinite() & ~text.str.contains("(?i)inf")
    return values.set(overflown.fill_null(value=False), None) if overflown.any() else values


def _decimals(text: pl.Series, dtype: pl.Decimal) -> pl.Series:
    scale = dtype.scale
    leading_point = rf"|\.[0-9]{{1,{scale}}}0*" if scale else ""
    exact = text.str.contains(rf"^[+-]?(?:[0-9]+(?:\.[0-9]{{0,{scale}}}0*)?{leading_point})$")
    # The library cuts digits behind the scale off without a word: they must have been looked at before.
    return text.set(~exact.fill_null(value=True), None).cast(dtype, strict=False)


def _datetimes(text: pl.Series) -> pl.Series:
    """Tries the ISO forms one after the other on what is left. They exclude each other, so their order, chosen by the
    first value, decides the speed and nothing else."""
    values = pl.Series(text.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(text))
    left = text.is_not_null() & (text != "")
    formats = list(_ISO)
    while formats and left.any():
        sample = text.filter(left).head(1)
        format = next((form for form in formats if _datetimes_as(sample, form)[0] is not None), formats[0])
        formats.remove(format)
        found = _datetimes_as(text if left.all() else text.set(~left, None), format)
        values = found if left.all() else values.zip_with(found.is_null(), found)
        left = left & values.is_null()
    return values


def _datetimes_as(text: pl.Series, format: str) -> pl.Series:
    try:
        values = text.str.to_datetime(format, time_unit="us", strict=False)
    except pl.exceptions.ComputeError as error:
        raise InputRefused(f"datetime({format}) is not a usable format: {error}") from error
    assert isinstance(values.dtype, pl.Datetime)
    return values.dt.replace_time_zone(None) if values.dtype.time_zone else values


def _durations(text: pl.Series) -> pl.Series:
    column = pl.col("text")
    spans, clocks = column.str.extract_groups(_SPAN), column.str.extract_groups(_CLOCK)
    parts = pl.when(column.str.contains(":", literal=True)).then(clocks).otherwise(spans)
    fields = [parts.struct.field(str(number)) for number in range(1, 8)]
    whole = [field.cast(pl.Int128, strict=False) for field in fields[1:6]]
    micros = pl.sum_horizontal(part * unit for part, unit in zip(whole, _MICROSECONDS, strict=True))
    fraction = fields[6].str.pad_end(6, "0").str.head(6).cast(pl.Int128, strict=False).fill_null(0)
    sign = pl.when(fields[0] == "-").then(-1).otherwise(1)
    given = pl.any_horizontal(part.is_not_null() for part in whole)
    value = pl.when(given).then(sign * (micros + fraction)).cast(pl.Int64, strict=False)
    return text.to_frame("text").select(value.cast(pl.Duration("us"))).to_series().alias(text.name)
