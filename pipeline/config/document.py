"""YAML text to plain data that knows the line of every key and item.

Built from the parser's events, so nothing in the text can construct anything but text, numbers, booleans, null,
lists and mappings, and every limit is checked before memory is spent: 1 MB, depth 50, 100 aliases, 100,000 values.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from pipeline.config.places import Complaint, Path, Place, key_text, shown
from pipeline.config.scalars import core_scalar
from pipeline.config.syntax import split_call_problem, syntax_problem
from pipeline.errors import ConfigError

Data: TypeAlias = "Any"
"""dict, list, str, int, float, bool or None. Keys of mappings are always text, as written."""

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_VALUES = 100_000
MOST_COMPLAINTS = 200
_LONGEST_CALL = 1000

# The C parser is 20 times faster; its events are the same.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Document:
    """One config as it is written. `broken` are the paths already complained about."""

    origin: str
    data: Data = None
    places: dict[Path, Place] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)

    def known(self, path: Path) -> Path:
        """The part of `path` that is in the document. A single value may stand for a list of one: ('sink', 0, 'path')
        is then ('sink', 'path')."""
        known: Path = ()
        for part in path:
            if (*known, part) in self.places:
                known = (*known, part)
            elif isinstance(part, str):
                break
        return known

    def complain(self, path: Path, problem: str, *, key: str | None = None) -> None:
        """Files a complaint under the place of `path`, or of the nearest thing around it."""
        known = self.known(path)
        place = self.places.get(known, Place(0, 1, self.origin))
        self.complaints.append(Complaint(place, key_text(known) if key is None else key, problem))
        self.broken.add(path)

    def error(self) -> ConfigError:
        """Every complaint so far, sorted by line."""
        lines = list(dict.fromkeys(str(complaint) for complaint in sorted(self.complaints)))
        if len(lines) > MOST_COMPLAINTS:
            lines[MOST_COMPLAINTS:] = [f"{self.origin}: {len(lines) - MOST_COMPLAINTS} more complaints are not shown"]
        return ConfigError(tuple(lines))


class Refused(Exception):
    """The text is not a document at all; nothing more can be said about it."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


def parse_document(text: str, origin: str) -> Document:
    """The document in `text`. What is wrong with it, down to bad syntax, is in its `complaints`; lines count from 1."""
    document = Document(origin)
    try:
        if len(text) > MAX_BYTES:
            raise Refused(1, f"is larger than {MAX_BYTES:,} bytes")  # noqa: TRY301  # one way out for all refusals
        events = yaml.parse(text, Loader=_PARSER)
        try:
            _Builder(document, events).document()
        except yaml.YAMLError as error:
            line, problem = syntax_problem(error, text)
            raise Refused(line, problem) from None
    except Refused as refused:
        document.complaints.append(Complaint(Place(0, refused.line, origin), "", refused.problem))
        document.data = None
    return document


class _Builder:
    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._events = events
        self._anchors: dict[str, tuple[Data, int]] = {}
        self._aliases = 0
        self._values = 0

    def document(self) -> None:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self._document.places:
                    raise Refused(_line(event), "a second document begins here; one file is one job")
                first = next(self._events)
                self._document.places[()] = self._place(first)
                self._document.data = self._value(first, (), 0)

    def _place(self, event: yaml.Event) -> Place:
        return Place(0, _line(event), self._document.origin)

    def _value(self, event: yaml.Event, path: Path, depth: int) -> Data:
        if depth > MAX_DEPTH:
            raise Refused(_line(event), f"is nested deeper than {MAX_DEPTH}")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._count(1, event)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise Refused(_line(event), f"tag {shown(tag)} means nothing here; quote text that begins with '!'")
        value: Data
        if isinstance(event, yaml.ScalarEvent):
            value = core_scalar(event.value) if event.implicit[0] else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path, depth)
        else:
            value = self._mapping(event, path, depth)
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = (value, self._values - before)
        return value

    def _count(self, values: int, event: yaml.Event) -> int:
        before = self._values
        self._values += values
        if self._values > MAX_VALUES:
            raise Refused(_line(event), f"has more than {MAX_VALUES:,} values, aliases followed")
        return before

    def _alias(self, event: yaml.AliasEvent) -> Data:
        name = event.anchor or ""
        if name not in self._anchors:
            raise Refused(_line(event), f"'*{name}' refers to no earlier '&{name}'; quote text that begins with '*'")
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise Refused(_line(event), f"has more than {MAX_ALIASES} aliases")
        value, size = self._anchors[name]
        self._count(size, event)
        return copy.deepcopy(value)

    def _sequence(self, path: Path, depth: int) -> list[Data]:
        items: list[Data] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = (*path, len(items))
            self._document.places[item] = self._place(event)
            items.append(self._value(event, item, depth + 1))
        return items

    def _mapping(self, start: yaml.Event, path: Path, depth: int) -> dict[str, Data]:
        entries: dict[str, Data] = {}
        flow = bool(getattr(start, "flow_style", False))
        last = ""
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise Refused(_line(event), "a key must be plain text; quote text that begins with '{', '[' or '*'")
            self._count(1, event)
            key, place, member = event.value, self._place(event), (*path, event.value)
            if member not in self._document.places:
                self._document.places[member] = place
            value = self._value(next(self._events), member, depth + 1)
            if flow and value is None and _open(entries.get(last)):
                # `{p90: quantile(x, 0.9)}` has become two entries: mended, so that it is one complaint.
                entries[last] = f"{entries[last]}, {key}"
                if not _open(entries[last]):
                    self._document.complain((*path, last), split_call_problem(last, entries[last]))
                continue
            if key in entries:
                first = self._document.places[member]
                self._document.complaints.append(
                    Complaint(place, key_text(member), f"is given twice, first in line {first.line}")
                )
            entries[key] = value
            last = key
        return entries


def _open(value: Data) -> bool:
    """Whether `value` could be the first part of a call that was split at its commas."""
    return isinstance(value, str) and len(value) <= _LONGEST_CALL and value.count("(") > value.count(")")


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else int(event.start_mark.line) + 1
