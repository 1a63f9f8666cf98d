"""A rule that spans several keys: a function of the config that yields (path, problem), and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.config.places import Path
from pipeline.config.schema import Config

Problems: TypeAlias = Iterator[tuple[Path, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Left out where something that it reads is already broken. It cites a value only as its repr, so that a value
    from the environment can be taken out of the complaint."""

    check: Callable[[Config], Problems]
    reads: tuple[Path, ...]


def twice(path: Path, names: tuple[str, ...]) -> Problems:
    """Names that were in the list before."""
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield (*path, number), f"{name!r} is listed twice"
        seen.add(name)
