"""Finds where records end: at a newline, or, with a quote character, at a newline outside quotes.

Parity decides, never a guess: a newline ends a record if an even number of quote characters lies before it. All
functions look at `data[start:stop]` and are told whether `start` lies inside an open quote.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BACKWARD_STEPS = 64
"""Quotes that `last_end` walks over one by one before it turns to the pattern, which costs the same everywhere."""


@lru_cache(maxsize=16)
def _patterns(quote: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """The first record; what is left of an open quote; and as many whole records as there are.

    Possessive throughout: nothing is tried twice and nothing is kept for trying, so a pathological body costs
    time in proportion and no memory."""
    q = re.escape(quote.encode("ascii"))
    record = rb"(?:[^\n" + q + rb"]++|" + q + rb"[^" + q + rb"]*+" + q + rb")*+\n"
    return re.compile(record), re.compile(rb"[^" + q + rb"]*+" + q), re.compile(rb"(?:" + record + rb")*+")


def first_end(data: bytes, start: int, stop: int, quote: str, *, inside: bool) -> int:
    """The index of the first newline that ends a record, or -1."""
    if not quote:
        return data.find(b"\n", start, stop)
    record, rest_of_quote, _ = _patterns(quote)
    if inside:
        closed = rest_of_quote.match(data, start, stop)
        if closed is None:
            return -1
        start = closed.end()
    found = record.match(data, start, stop)
    return found.end() - 1 if found else -1


def inside_after(data: bytes, start: int, stop: int, quote: str, *, inside: bool) -> bool:
    """Whether `stop` lies inside an open quote."""
    return bool(quote) and inside ^ (data.count(quote.encode("ascii"), start, stop) & 1 == 1)


def last_end(data: bytes, start: int, stop: int, quote: str, *, inside: bool, inside_at_stop: bool) -> int:
    """The index of the last newline that ends a record, or -1.

    Walks back from the end, where an ordinary body has one a few bytes away."""
    if not quote:
        return data.rfind(b"\n", start, stop)
    mark = quote.encode("ascii")
    end = stop
    for _ in range(_BACKWARD_STEPS):
        newline = data.rfind(b"\n", start, end)
        if newline < 0:
            return -1
        inside_at_stop = inside_after(data, newline, end, quote, inside=inside_at_stop)
        if not inside_at_stop:
            return newline
        # Every newline back to the nearest quote is inside the same quote.
        end = data.rfind(mark, start, newline)
        if end < 0:
            return -1
        inside_at_stop = False
    return _last_end_forward(data, start, stop, quote, inside=inside)


def _last_end_forward(data: bytes, start: int, stop: int, quote: str, *, inside: bool) -> int:
    first = first_end(data, start, stop, quote, inside=inside)
    if first < 0:
        return -1
    whole = _patterns(quote)[2].match(data, first + 1, stop)
    return whole.end() - 1 if whole else first
