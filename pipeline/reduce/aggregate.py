"""GroupBy: the aggregation of a config, `by` and `metrics`, as partial, combine, finalize and order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from polars.exceptions import InvalidOperationError, PolarsError

from pipeline.errors import InputRefused
from pipeline.metric_call import parse_call
from pipeline.model import AggregateSpec
from pipeline.protocols import Tables
from pipeline.reduce import expressions
from pipeline.reduce.metrics import METRICS, Count, Metric, State, StateMetric, Table, TableMetric, grouped, joined
from pipeline.reduce.order import order
from pipeline.reduce.rows import Rows
from pipeline.reduce.type_names import type_name


class GroupBy:
    """Implements `protocols.Aggregation` for rows of one schema. Null is a key, NaN is one key, -0.0 is 0.0; without
    keys there is one result row, whatever was read.

    The tables of a partial are `main`, a row a key with the states of all metrics, and the tables that metrics ask
    for. Keys have their own names there; everything else begins with a mark that no key begins with."""

    def __init__(self, spec: AggregateSpec, schema: pl.Schema) -> None:
        """Raises ValueError, its text fit for a complaint, for a column, an expression or a metric that does not suit
        `schema`."""
        self.keys = spec.by
        self._rows = Rows(spec.by, schema)
        self._calls = dict(spec.metrics)
        self._metrics: dict[str, Metric] = {}
        for name, text in spec.metrics:
            if name in self._metrics or name in spec.by:
                raise ValueError(f"{name}: the result has a column of that name already")
            try:
                self._metrics[name] = self._metric(text)
            except ValueError as error:
                raise ValueError(f"{name}: {text}: {error}") from error
        self._direct = {n: metric for n, metric in self._metrics.items() if isinstance(metric, StateMetric)}
        states = [state for metric in self._direct.values() for state in metric.states]
        # A count of rows, if nothing else: without keys and states, `main` would have no columns and so no rows.
        self._states = tuple(dict.fromkeys(states or Count(self._rows.every, every=True).states))
        readers: dict[Table[Any], dict[str, TableMetric[Any]]] = {}
        for name, metric in self._metrics.items():
            if isinstance(metric, TableMetric):
                readers.setdefault(metric.table, {})[name] = metric
        self._tables = {f"{table.kind}_{place}": table for place, table in enumerate(readers)}
        self._readers = dict(zip(self._tables, readers.values(), strict=True))
        types = {name: metric.dtype for name, metric in self._metrics.items()}
        self.schema = pl.Schema({key: schema[key] for key in spec.by} | types)
        """Of the result: the keys, then the metrics as configured."""
        try:
            self._having = expressions.condition(spec.having, self.schema) if spec.having is not None else None
        except ValueError as error:
            raise ValueError(f"having: {spec.having}: {error}") from error
        self._order = order(spec.order_by, spec.by, spec.limit, self.schema)
        self._empty = self.partial(pl.DataFrame(schema=schema))

    def _metric(self, text: str) -> Metric:
        call = parse_call(text)
        if not call.args:
            return Count(self._rows.every, every=True)
        return METRICS[call.name](self._rows.argument(call.args[0]), *map(float, call.args[1:]))

    def partial(self, frame: pl.DataFrame) -> Tables:
        """The states of the frame's rows. Raises InputRefused where an argument or a decimal sum does not fit."""
        rows = self._rows(frame)
        with _blamed():
            main = grouped(rows, self.keys, [e for state in self._states for e in _named(state, state.partial(rows))])
            return {"main": main} | {name: table.partial(rows, self.keys) for name, table in self._tables.items()}

    def combine(self, parts: Sequence[Tables]) -> Tables:
        """One partial of many, which stand in canonical order; of none, that of no rows."""
        if len(parts) == 1:
            return parts[0]
        joined = {name: _concat(empty, [part[name] for part in parts]) for name, empty in self._empty.items()}
        main = joined["main"]
        with _blamed():
            main = grouped(main, self.keys, [e for state in self._states for e in _named(state, state.combine(main))])
            return {"main": main} | {n: table.combine(joined[n], self.keys) for n, table in self._tables.items()}

    def finalize(self, tables: Tables) -> pl.DataFrame:
        """Keys and metrics, a row a key, `having` applied; in no particular order. Raises InputRefused, naming metric
        and key, where a sum does not fit."""
        main = tables["main"]
        if not self.keys and main.height == 0:
            nothing = self._rows.nothing
            main = nothing.select([e for state in self._states for e in _named(state, state.partial(nothing))])
        result = main.select(*self.keys, *self._finals(main))
        for name, table in self._tables.items():
            found, ready = table.ready(tables[name], main.select(self.keys))
            metrics = self._readers[name]
            results = [metric.final(ready).alias(n) for n, metric in metrics.items()]
            found = pl.DataFrame([*found.get_columns(), *results])
            result = _beside(result, found, self.keys).with_columns(
                pl.col(n).fill_null(pl.lit(metric.nothing, metric.dtype))
                for n, metric in metrics.items()
                if metric.nothing is not None
            )
        return self._having_applied(result.select(self.schema.names()))

    def order(self, result: pl.DataFrame) -> pl.DataFrame:
        """The result in its final order and length."""
        return self._order(result)

    def _finals(self, main: pl.DataFrame) -> Iterator[pl.Expr]:
        for name, metric in self._direct.items():
            misfit = metric.misfit(main)
            if misfit is not None:
                row = main.filter(misfit).row(0, named=True)
                key = ", ".join(f"{key} = {row[key]!r}" for key in self.keys) or "all records"
                raise InputRefused(f"{name}: {self._calls[name]} does not fit {type_name(metric.dtype)} for {key}")
            yield metric.final().alias(name)

    def _having_applied(self, result: pl.DataFrame) -> pl.DataFrame:
        if self._having is None:
            return result
        try:
            return result.lazy().sql(f"SELECT * FROM self WHERE {self._having.sql}").collect()  # noqa: S608
        except PolarsError as error:
            raise expressions.refusal(error, result, [self._having]) from error


def _named(state: State, values: Sequence[pl.Expr]) -> list[pl.Expr]:
    return [value.alias(name) for name, value in zip(state.names, values, strict=True)]


def _concat(empty: pl.DataFrame, tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all, in order. A sum may have 64 bits in one partial and 128 in another."""
    filled = [table for table in tables if table.height]
    if not filled:
        return empty
    alike = all(table.dtypes == filled[0].dtypes for table in filled)
    return pl.concat(filled, how="vertical" if alike else "vertical_relaxed", rechunk=True)


def _beside(result: pl.DataFrame, found: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The result with the other columns of `found`, null for a key that it lacks."""
    if keys:
        return joined(result, found, keys)
    return pl.DataFrame([*result.get_columns(), *(found if found.height else found.clear(1)).get_columns()])


@contextmanager
def _blamed() -> Iterator[None]:
    """A strict cast that fails is the check of `Total`: that is the data's fault. Anything else is ours."""
    try:
        yield
    except InvalidOperationError as error:
        if "conversion from" not in str(error):
            raise
        raise InputRefused("aggregate: a sum of decimals does not fit 38 digits") from error
