"""Notices: what a run finds out about the columns of its inputs and would otherwise keep to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.model import Column, Outcome, ParseSpec


class ColumnNotices:
    """Collects what the outcomes say: a column that no input has, columns of an input that nobody asked to leave out.

    Neither is an error. A column of `parse.columns` that a file lacks is null there; that every file lacks it may be
    by chance tonight, and may be a misspelling."""

    def __init__(self, spec: ParseSpec) -> None:
        """Of a job whose columns are known."""
        self._spec = spec
        self._absent: frozenset[int] | None = None
        self._ignoring: Outcome | None = None

    def add(self, outcome: Outcome) -> None:
        if outcome.absent is not None:
            self._absent = outcome.absent if self._absent is None else self._absent & outcome.absent
        if outcome.ignored and (self._ignoring is None or outcome.id < self._ignoring.id):
            self._ignoring = outcome  # the first in order, whichever was done first

    def messages(self, *, whole: bool) -> Iterator[str]:
        """A line for each of the two. `whole`: the outcomes are those of every chunk of every input; of some of them
        it cannot be told that no input has a column."""
        columns: tuple[Column, ...] = self._spec.columns or ()
        if whole and self._absent and not self._spec.inferred:
            names = [column.name for place, column in enumerate(columns) if place in self._absent]
            yield f"parse.columns: no input has a value of {_list(names)}: null in every record"
        if self._ignoring is not None:
            yield (
                f"{self._ignoring.shard_name}: {_list(self._ignoring.ignored)} left out: the input that types were "
                "inferred from has none; parse.columns can name it"
            )


def _list(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
