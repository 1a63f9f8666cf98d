"""`--set run.workers=4`: values put into a parsed config from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.config.document import Document, parse_document
from pipeline.config.places import Complaint, Path, Place

_KEY = re.compile(r"[\w-]+(\[\d{1,6}\])*(\.[\w-]+(\[\d{1,6}\])*)*")
_PART = re.compile(r"\[(\d+)\]|([\w-]+)")


def override(document: Document, overrides: Sequence[str]) -> None:
    """Sets each `key=YAML` in the document, in order. Sections that are not there are made; complaints about the
    value name the `--set` instead of a line."""
    for number, text in enumerate(overrides, 1):
        key, equals, yaml_text = text.partition("=")
        place = Place(number, 0, f"--set {key}" if equals else "--set")
        if not equals or not _KEY.fullmatch(key):
            document.complaints.append(Complaint(place, "", "must read key=value, such as run.workers=4"))
            continue
        value = parse_document(yaml_text, place.origin)
        if value.complaints:
            document.complaints.extend(Complaint(place, "", each.problem) for each in value.complaints)
            continue
        path = tuple(int(index) if index else name for index, name in _PART.findall(key))
        if problem := _put(document, path, value, place):
            document.complaints.append(Complaint(place, "", problem))


def _put(document: Document, path: Path, value: Document, place: Place) -> str | None:
    """What is wrong with setting `path`, or None when it is done."""
    here = document.data
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(part, int):
            if not isinstance(here, list) or part >= len(here):
                return f"there is no item [{part}] to set"
        elif not isinstance(here, dict):
            return f"{part!r} cannot be set: what is around it is not a mapping"
        elif not last and here.get(part) is None:
            here[part] = {}
            document.places[path[: depth + 1]] = place
        if last:
            here[part] = value.data
        else:
            here = here[part]
    document.places = {known: where for known, where in document.places.items() if known[: len(path)] != path}
    document.places |= {(*path, *inner): place for inner in value.places}
    return None
