"""pydantic's errors as complaints: `file:line: key: problem`, with the nearest key or word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.config.places import Path, key_text, nearest, shown
from pipeline.config.schema import SECTIONS, keys_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from pipeline.config.document import Document
    from pipeline.config.environment import Substituted

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "model_type": "a mapping of keys to values",
    "string_type": "text",
    "tuple_type": "a list",
}
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}


def complain(error: ErrorDetails, document: Document, substituted: Substituted) -> None:
    """Files what one pydantic error means. Nothing is said of what lies in an already broken place, and no value that
    came from the environment is cited."""
    path: Path = error["loc"]
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    known = document.known(path)
    if any(place[:length] in document.broken for place in (path, known) for length in range(1, len(place) + 1)):
        return
    if kind == "too_short" and value:
        return  # its items are at fault, and each has its own complaint
    if kind == "missing":
        document.complain(path, "is missing", key=key_text((*document.known(path[:-1]), path[-1])))
        return
    if kind == "extra_forbidden":
        document.complain(path, _unknown_key(path))
        return
    if kind == "not_yet":
        problem = error["msg"]
    elif known in substituted.written:
        problem = f"{shown(substituted.written[known])} does not fit: expected {_expected(kind, context)}"
    elif value is None:
        problem = "is empty; give it a value or remove the key"
    else:
        problem = _problem(kind, value, context) or error["msg"]
    document.complain(path, problem)


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    """What would have been right, in words that cite nothing."""
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {context[bound]}"
    return str(context.get("expected") or _EXPECTED.get(kind, "another value"))


def _problem(kind: str, value: object, context: Mapping[str, Any]) -> str | None:
    if kind == "misfit":
        return str(context["detail"])
    if kind == "too_short":
        return "is empty; give it a value or remove the key"
    if kind in _BOUNDS:
        return f"must be {_expected(kind, context)}, not {shown(value)}"
    if kind == "literal_error":
        words = str(context["expected"])
        near = nearest(value, re.findall(r"'([^']*)'", words)) if isinstance(value, str) else ""
        return f"expected {words.replace(chr(39), '')}, not {shown(value)}{near}"
    if kind in _EXPECTED:
        quote = "; quote it" if kind == "string_type" and isinstance(value, (bool, int, float)) else ""
        return f"expected {_EXPECTED[kind]}, not {shown(value)}{quote}"
    return None


def _unknown_key(path: Path) -> str:
    key = str(path[-1])
    section = tuple(part for part in path[:-1] if isinstance(part, str))
    known = keys_of(SECTIONS[section])
    if near := nearest(key, known):
        return f"unknown key{near}"
    for other, model in SECTIONS.items():
        if other and key in keys_of(model):
            return f"unknown key; it belongs below {'.'.join(other)!r}"
    return f"unknown key; keys here are {', '.join(known)}"
