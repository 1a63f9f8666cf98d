"""What of a config with mistakes can still be looked at: so that an unknown key hides no mistake in an expression."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.config.places import Path
from pipeline.config.schema import Config
from pipeline.errors import ConfigError


class FaultyConfig(ConfigError):
    """The complaints about a config, and what is left of it without the keys at fault. `rest` is for finding further
    mistakes and never for a run; None: what could be said of it would only follow from the mistakes known."""

    def __init__(self, complaints: tuple[str, ...], rest: Config | None = None) -> None:
        super().__init__(complaints)
        self.rest = rest


def sound_part(config: Config, broken: Collection[Path]) -> Config | None:
    """The part of `config`, which has lost what is `broken`, whose expressions mean what they would mean without the
    mistakes: those before a broken step, and of a broken aggregate what speaks of records only.

    Expressions know of columns, not of formats: where the mistake may be one of the format, it is csv, lest another one
    is told that follows from it (test_a_format_that_is_not_told_has_no_second_complaint)."""
    columns_known = config.parse.columns is not None and not _touched(("parse", "columns"), broken)
    if not columns_known and any(_touched((section,), broken) for section in ("inputs", "fetch", "parse")):
        return None
    changes: dict[str, object] = {}
    if any(_touched(section, broken) for section in (("inputs",), ("parse", "format"))):
        changes["parse"] = config.parse.model_copy(update={"format": "csv"})
    if _touched(("transform",), broken):
        steps = [path[1] for path in broken if path[:1] == ("transform",) and len(path) > 1]
        first = min((step for step in steps if isinstance(step, int)), default=0)
        changes |= {"transform": config.transform[:first], "aggregate": None}
    elif config.aggregate is not None and _touched(("aggregate",), broken):
        changes |= {"aggregate": config.aggregate.model_copy(update={"having": None, "order_by": ()})}
    return config.model_copy(update=changes)


def _touched(section: Path, broken: Collection[Path]) -> bool:
    return any(path[: len(section)] == section[: len(path)] for path in broken)
