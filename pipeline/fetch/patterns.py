"""Names as configured to the names they stand for: dates, braces, and which are globs or URLs. Pure."""

from __future__ import annotations

import datetime as dt
import glob
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit, urlunsplit

MAX_NAMES: Final = 500_000
"""More than this from one pattern is a slip of the keyboard."""

_DATE = re.compile(r"\{date(?::([^{}]*))?\}")
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)|([A-Za-z])\.\.([A-Za-z])")


def expand(pattern: str, date: dt.date, limit: int = MAX_NAMES) -> list[str]:
    """The names of a pattern in its own order: `{date:%Y-%m-%d}` first, then `{a..z}`, `{01..12}`, `{x,y}`, nested or
    not. Braces around anything else stay. Raises ValueError for more names than `limit`."""
    dated = _DATE.sub(lambda found: date.strftime(found[1] or "%Y-%m-%d"), pattern)
    names = []
    for name in _names(dated):
        names.append(name)
        if len(names) > limit:
            raise ValueError(f"{pattern!r} stands for more than {limit:,} names")
    return names


def _names(text: str) -> Iterator[str]:
    """The leftmost group varies slowest."""
    group = _group(text)
    if group is None:
        yield text
        return
    start, stop, parts = group
    for choice in _choices(text[start + 1 : stop], parts):
        for tail in _names(text[stop + 1 :]):
            yield text[:start] + choice + tail


def _choices(inside: str, parts: list[str]) -> Iterator[str]:
    if found := _RANGE.fullmatch(inside):
        yield from _counted(*found.groups())
    elif len(parts) > 1:
        for part in parts:
            yield from _names(part)
    else:  # no choice: the braces belong to the name, what is in them may still be a group
        for name in _names(inside):
            yield f"{{{name}}}"


def _group(text: str) -> tuple[int, int, list[str]] | None:
    """The first pair of braces that belong together, and the parts between its own commas."""
    start, depth, commas = -1, 0, []
    for at, char in enumerate(text):
        if char == "{":
            depth += 1
            if depth == 1:
                start, commas = at, [at]
        elif char == "," and depth == 1:
            commas.append(at)
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                bounds = [*commas, at]
                return start, at, [text[left + 1 : right] for left, right in pairwise(bounds)]
    return None


def _counted(first: str | None, last: str | None, letter: str | None, last_letter: str | None) -> Iterator[str]:
    if letter is not None and last_letter is not None:
        yield from map(chr, _span(ord(letter), ord(last_letter)))
        return
    assert first is not None
    assert last is not None
    padded = any(text.lstrip("-").startswith("0") and len(text.lstrip("-")) > 1 for text in (first, last))
    width = max(len(first), len(last)) if padded else 0
    for number in _span(int(first), int(last)):
        yield f"{number:0{width}d}"


def _span(first: int, last: int) -> range:
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)


def is_url(name: str) -> bool:
    """Whether it is fetched over http or https."""
    return name.lower().startswith(("http://", "https://"))


def is_glob(name: str) -> bool:
    """Whether it has the signs of a glob; a file of exactly this name goes first."""
    return glob.has_magic(name)


def shown_url(url: str) -> str:
    """For people, logs and the output: without user, password, query and fragment, where credentials hide."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
