"""Numbers and names as people read them: sizes, counts, durations, shares, and text that cannot harm a terminal."""

from __future__ import annotations

import math

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
DECIMAL = ("", " k", " M", " G", " T")


def size(nbytes: float) -> str:
    """1536 to `1.5 KiB`: three digits that count, no more; below 1 KiB every byte."""
    exponent = 0
    while abs(nbytes) >= (999.5 if exponent else 1024) and exponent < len(BINARY) - 1:
        nbytes /= 1024
        exponent += 1
    return f"{_three_digits(nbytes) if exponent else int(nbytes)} {BINARY[exponent]}"


def short(number: float) -> str:
    """1234567 to `1.23 M`: for what changes as one looks at it."""
    if abs(number) < 999.5 and number == int(number):
        return str(int(number))
    exponent = 0
    while abs(number) >= 999.5 and exponent < len(DECIMAL) - 1:
        number /= 1000
        exponent += 1
    return _three_digits(number) + DECIMAL[exponent]


def _three_digits(number: float) -> str:
    decimals = max(0, 2 - int(math.log10(abs(number)))) if abs(number) >= 1 else 2
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: int, noun: str) -> str:
    """1 and `shard` to `1 shard`, 2,000 to `2,000 shards`; `retry` becomes `retries`."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def duration(seconds: float) -> str:
    """0.923 to `0.92 s`, 12.34 to `12.3 s`, 125 to `2 min 05 s`, 3700 to `1 h 01 min`."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(int(seconds / 60), 60)
    return f"{hours:,} h {minutes:02d} min"


def clock(seconds: float) -> str:
    """75 to `01:15`, 3675 to `1:01:15`: for a display that stays in place."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def percent(share: float) -> str:
    """0.934 to `93 %`; what is there but rounds to nothing is `<1 %`."""
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def safe(text: str) -> str:
    """The text with its control characters spelled out: names and values come from outside, and a terminal obeys."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
