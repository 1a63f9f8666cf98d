"""`${VAR}` and `${VAR:-default}` in the text of a parsed config.

Substituted after parsing, so a value cannot inject structure. What came from the environment may be a secret: its
paths are kept, and no complaint about them cites a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.config.document import Data, Document
from pipeline.config.places import Path, shown
from pipeline.config.scalars import core_scalar

# `$${` is a literal `${`. Anything else that begins with `${` must be a reference.
_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_]\w*)(:-(?P<default>[^}]*))?\}|(?P<bad>\$\{)")


@dataclass(slots=True)
class Substituted:
    """Which leaves came from the environment: what was written there, and the text that it stands for."""

    written: dict[Path, str] = field(default_factory=dict)
    text: dict[Path, str] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    """Every value taken from the environment."""


def substitute(document: Document, environ: Mapping[str, str]) -> Substituted:
    """Replaces the references in place and complains about variables that are not set. A leaf that is one reference
    and nothing else becomes what YAML would read in its place (`workers: ${N}` is a number)."""
    substituted = Substituted()

    def leaf(text: str, path: Path) -> Data:
        missing: list[str] = []

        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            if match["bad"]:
                missing.append(f"{shown(text)}: '${{' must begin ${{NAME}} or ${{NAME:-default}}; '$${{' is a literal")
                return ""
            found = environ.get(match["name"])
            if match["default"] is not None and not found:
                return str(match["default"])
            if found is None:
                missing.append(f"environment variable {match['name']} is not set; ${{{match['name']}:-}} allows that")
                return ""
            substituted.written[path] = text
            substituted.values.add(found)
            return found

        result = _REFERENCE.sub(value, text)
        if missing:
            document.complain(path, missing[0])
        if path in substituted.written:
            substituted.text[path] = result
        whole = _REFERENCE.fullmatch(text)
        return core_scalar(result) if whole and whole["name"] else result

    def walk(data: Data, path: Path) -> Data:
        if isinstance(data, dict):
            return {key: walk(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [walk(item, (*path, number)) for number, item in enumerate(data)]
        return leaf(data, path) if isinstance(data, str) and "${" in data else data

    document.data = walk(document.data, ())
    return substituted
