"""Where something stands in a config, and what is wrong there: the vocabulary of every complaint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = "tuple[str | int, ...]"
"""('sink', 0, 'path'): keys are text, items of a list are numbers from 0."""

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of the file, or one `--set`."""

    overridden: int
    """0: in the file; otherwise the number of the `--set`, so that complaints sort by file line, then by `--set`."""
    line: int
    origin: str

    def __str__(self) -> str:
        return self.origin if self.overridden else f"{self.origin}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One thing wrong. Reads `file:line: key: problem`, always on one line."""

    place: Place
    key: str
    problem: str

    def __str__(self) -> str:
        parts = [str(self.place), self.key, self.problem]
        if not self.key or self.place.origin == f"--set {self.key}":
            del parts[1]
        return one_line(": ".join(parts))


def key_text(path: Path) -> str:
    """The dotted key: ('sink', 0, 'path') is `sink[0].path`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def one_line(text: str) -> str:
    """Control characters escaped: a value from the file can neither break the line nor speak to the terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def shown(value: object) -> str:
    """A value as a complaint cites it: never longer than a glance."""
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, (dict, list, tuple)):
        text = "a mapping" if isinstance(value, dict) else "a list"
    else:
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'columns'?`, or nothing where no known word is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, 1, 0.6)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""
