"""Sizes, durations and limits as people write them: `16MiB`, `30s`, `0.1%`. Pure functions of text and numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType

_NUMBER_AND_UNIT = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([A-Za-z%]*)\s*")

SIZE_UNITS = MappingProxyType(
    {"B": 1}
    | {f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", 1)}
    | {f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)}
)
"""Bytes in each unit. `16mib` is understood too."""

DURATION_UNITS = MappingProxyType({"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0})
"""Seconds in each unit."""

SIZE_WORDS = "a size such as 16MiB or 1GB"
DURATION_WORDS = "a duration such as 500ms, 30s, 10m or 1h"
LIMIT_WORDS = "a count such as 100 or a percentage such as 0.1%"


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """How many rejects a run may have: a count, or a share of all records (0.001 is 0.1 %). One of them is None."""

    count: int | None = None
    share: float | None = None

    def allows(self, rejected: int, records: int) -> bool:
        """Whether `rejected` of `records` (rejected ones included) is within the limit."""
        if self.count is not None:
            return rejected <= self.count
        return rejected <= (self.share or 0.0) * records

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{(self.share or 0.0) * 100:g}%"


def parse_size(value: object) -> int:
    """Bytes. Raises ValueError for what is not a size; a fraction of a byte is not one."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    number, unit = _split(value)
    factor = {name.lower(): factor for name, factor in SIZE_UNITS.items()}.get(unit.lower())
    if factor is None:
        raise ValueError(SIZE_WORDS)
    size = number * factor
    if size != int(size) or size >= 2**63:
        raise ValueError(SIZE_WORDS)
    return int(size)


def parse_duration(value: object) -> float:
    """Seconds. Raises ValueError; a number without a unit is ambiguous and so refused."""
    number, unit = _split(value)
    if unit not in DURATION_UNITS:
        raise ValueError(DURATION_WORDS)
    return number * DURATION_UNITS[unit]


def parse_reject_limit(value: object) -> RejectLimit:
    """A count or a percentage. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return RejectLimit(count=value)
    number, unit = _split(value)
    if unit != "%" or number > 100:
        raise ValueError(LIMIT_WORDS)
    return RejectLimit(share=number / 100)


def _split(value: object) -> tuple[float, str]:
    match = _NUMBER_AND_UNIT.fullmatch(value) if isinstance(value, str) and len(value) <= 40 else None
    return (float(match[1].replace("_", "")), match[2]) if match else (math.nan, "")
