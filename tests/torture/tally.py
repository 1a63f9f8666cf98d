"""What a kind of fault has shown: how often it was tried, and every time that something was not as it must be."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Tally:
    """One line of the table. It is good if nothing was wrong and nothing was left untried."""

    kind: str
    case: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    """One entry a trial that went wrong: how to see it again, and what was seen."""
    figures: dict[str, float] = field(default_factory=dict)
    skipped: str | None = None
    """Why this was not tried here."""

    def add(self, trial: str, problems: Iterable[str]) -> None:
        """Counts a trial."""
        self.tried += 1
        if found := [*problems]:
            self.wrong.append(f"{trial}: {'; '.join(found)}")
            sys.stderr.write(f"{self.kind}, {self.case}: {self.wrong[-1]}\n")  # the table is hours away

    def most(self, figure: str, value: float) -> None:
        """Keeps the largest value of a figure."""
        self.figures[figure] = round(max(value, self.figures.get(figure, 0)), 3)

    def count(self, figure: str, by: int = 1) -> None:
        """Adds to a figure that counts something."""
        self.figures[figure] = self.figures.get(figure, 0) + by

    @property
    def good(self) -> bool:
        return not self.wrong and self.skipped is None

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "good": self.good}
