"""Rows: what partials are made from, the keys and the arguments of the metrics, each in a column."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from polars.exceptions import PolarsError

from pipeline.reduce import expressions
from pipeline.reduce.expressions import RowExpression
from pipeline.reduce.grammar import quoted
from pipeline.reduce.metrics import Argument, canonical


class Rows:
    """What partials are made from: the keys, then one column for each different argument of a metric."""

    def __init__(self, keys: Sequence[str], schema: pl.Schema) -> None:
        for key in keys:
            if key not in schema:
                raise ValueError(f"by: {expressions.no_column(key, schema)}")
        self._schema = schema
        self._keys = keys
        self._arguments: dict[str, tuple[Argument, RowExpression]] = {}
        self.mark = "~"
        while any(key.startswith(self.mark) for key in keys):
            self.mark += "~"
        self.every = Argument(self.mark, pl.Null(), "")
        """Stands for the record itself in count()."""

    def argument(self, text: str) -> Argument:
        """The column for a metric's argument. Raises ValueError as `expressions.compile` does."""
        compiled = expressions.compile(text, self._schema)
        argument = Argument(f"{self.mark}{len(self._arguments)}", compiled.dtype, compiled.text)
        return self._arguments.setdefault(compiled.sql, (argument, compiled))[0]

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Raises InputRefused where an argument does not fit its type."""
        direct = [canonical(pl.col(key), self._schema[key]).alias(key) for key in self._keys]
        direct += [pl.col(e.column).alias(argument.column) for argument, e in self._arguments.values() if e.column]
        computed = {argument.column: e for argument, e in self._arguments.values() if not e.column}
        pieces = [frame.select(direct)] if direct else []
        if computed:
            items = ", ".join(f"{e.sql} AS {quoted(column)}" for column, e in computed.items())
            try:
                pieces.append(frame.lazy().sql(f"SELECT {items} FROM self").collect(engine="in-memory"))  # noqa: S608
            except PolarsError as error:
                raise expressions.refusal(error, frame, list(computed.values())) from error
        return pl.concat(pieces or [frame], how="horizontal")

    @property
    def nothing(self) -> pl.DataFrame:
        return self(pl.DataFrame(schema=self._schema))
