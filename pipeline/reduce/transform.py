"""Transform: the row-wise steps of a job, `where`, `derive` and `select`, compiled once and applied to every batch."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from polars.exceptions import PolarsError

from pipeline.errors import InputRefused
from pipeline.model import Derive, Select, Step, Where
from pipeline.reduce import expressions
from pipeline.reduce.expressions import RowExpression, condition, no_column, reason, refusal
from pipeline.reduce.grammar import quoted


class Transform:
    """The steps in order, over rows of one schema. Rows keep their order; `_shard` and `_line` are like other columns.

    Each step becomes one query over the one before and Polars runs them as one plan, so a column that a later step
    drops is never computed."""

    def __init__(self, steps: Sequence[Step], schema: pl.Schema) -> None:
        """Raises ValueError, its text fit for a complaint, for an expression or a name that does not suit `schema`
        as the steps before have left it."""
        self.schema = schema
        self._queries: list[tuple[str, tuple[RowExpression, ...]]] = []
        for step in steps:
            match step:
                case Where(text):
                    self._where(condition(text, self.schema))
                case Derive(columns):
                    self._derive({name: expressions.compile(text, self.schema) for name, text in columns})
                case Select(names):
                    self._select(names)

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows and columns that are left. Raises InputRefused where a value does not fit its type."""
        if not self._queries:
            return frame
        lazy = frame.lazy()
        for query, _ in self._queries:
            lazy = lazy.sql(query)
        try:
            return lazy.collect(engine="in-memory")
        except PolarsError as error:
            raise self._blame(error, frame) from error

    def _blame(self, error: PolarsError, frame: pl.DataFrame) -> InputRefused:
        """Runs the steps again one by one, for the step and the row at fault."""
        for query, used in self._queries:
            try:
                frame = frame.lazy().sql(query).collect()
            except PolarsError as own:
                return refusal(own, frame, used)
        return InputRefused(reason(error))

    def _where(self, wanted: RowExpression) -> None:
        self._queries.append((f"SELECT * FROM self WHERE {wanted.sql}", (wanted,)))  # noqa: S608

    def _derive(self, derived: dict[str, RowExpression]) -> None:
        names = list(dict.fromkeys([*self.schema, *derived]))
        items = [
            f"{derived[name].sql} AS {quoted(name)}" if name in derived else quoted(name) for name in names
        ]  # an overwritten column keeps its place
        self._queries.append((f"SELECT {', '.join(items)} FROM self", tuple(derived.values())))  # noqa: S608
        types = {name: expression.dtype for name, expression in derived.items()}
        self.schema = pl.Schema({**self.schema, **types})

    def _select(self, names: Sequence[str]) -> None:
        for place, name in enumerate(names):
            if name not in self.schema:
                raise ValueError(no_column(name, self.schema))
            if name in names[:place]:
                raise ValueError(f"column {name!r} is selected twice")
        self._queries.append((f"SELECT {', '.join(map(quoted, names))} FROM self", ()))  # noqa: S608
        self.schema = pl.Schema({name: self.schema[name] for name in names})
