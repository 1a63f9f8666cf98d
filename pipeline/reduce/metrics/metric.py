"""What a metric is made of: an argument, states (columns of the partial's main table) or a table of its own.

Partials hold states and tables, not metrics: `sum(x)` and `mean(x)` read the same sum, `median(x)` and
`count_distinct(x)` the same table of values. Equal ones (frozen dataclasses) are computed once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import polars as pl

from pipeline.reduce.type_names import type_name

DAY_US = 86_400_000_000
"""Microseconds: dates become datetimes where something lies between two of them."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A metric's row expression, evaluated: a column of the rows that partials are made from."""

    column: str
    """Its name there, and the beginning of the names of what is made from it. No key begins like it."""
    dtype: pl.DataType
    text: str

    @property
    def value(self) -> pl.Expr:
        return pl.col(self.column)

    @property
    def number(self) -> pl.Expr:
        """As float64."""
        return self.value.cast(pl.Float64)

    @property
    def physical(self) -> pl.Expr:
        """Times and booleans as integers."""
        return self.value.cast(pl.Int64) if self.dtype.is_temporal() or self.dtype == pl.Boolean else self.value

    def need(self, metric: str, what: str, *, suits: bool) -> None:
        """Raises ValueError, its text fit for a complaint, unless the type suits."""
        if not suits:
            raise ValueError(f"{metric} takes {what}, not {self.text} of type {type_name(self.dtype)}")

    @property
    def is_number(self) -> bool:
        return self.dtype.is_numeric() or self.dtype == pl.Boolean


@dataclass(frozen=True, slots=True)
class State(ABC):
    """Columns of the main table: computed from rows, then from themselves."""

    argument: Argument

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def partial(self, rows: pl.DataFrame) -> Sequence[pl.Expr]:
        """Expressions over the rows of a group, one a name. `rows` are those of all groups: an expression may be
        chosen by what they hold, as long as its value is the same."""

    @abstractmethod
    def combine(self, table: pl.DataFrame) -> Sequence[pl.Expr]:
        """Expressions over the states of a group, in canonical order; `table` holds those of all groups."""


P = TypeVar("P")
"""What a table offers to its metrics once all is combined."""


@dataclass(frozen=True, slots=True)
class Table(ABC, Generic[P]):
    """A table of a partial with any number of rows a key. Keys come first."""

    kind: ClassVar[str]
    argument: Argument

    @abstractmethod
    def partial(self, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame: ...

    @abstractmethod
    def combine(self, table: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame: ...

    @abstractmethod
    def ready(self, table: pl.DataFrame, groups: pl.DataFrame) -> tuple[pl.DataFrame, P]:
        """The keys that have an answer, and what the metrics compute it from, in the same order. `groups` are the
        keys of all; those without a value in the table may be left out."""


class Metric(ABC):
    """One metric of an aggregation: frozen dataclasses with the argument and the literals of the call as fields.

    The constructor raises ValueError where the argument's type does not suit."""

    __slots__ = ()

    @property
    @abstractmethod
    def dtype(self) -> pl.DataType:
        """Of the result."""


class StateMetric(Metric):
    """A metric that a few numbers a key are enough for."""

    __slots__ = ()

    @property
    @abstractmethod
    def states(self) -> tuple[State, ...]: ...

    @abstractmethod
    def final(self) -> pl.Expr:
        """Over the columns of the combined main table."""

    def misfit(self, main: pl.DataFrame) -> pl.Series | None:
        """True for the rows whose result does not fit `dtype`; None if all do."""
        del main
        return None


class TableMetric(Metric, Generic[P]):
    """A metric that needs the values of a key, or a sketch of them."""

    __slots__ = ()

    @property
    @abstractmethod
    def table(self) -> Table[P]: ...

    @abstractmethod
    def final(self, ready: P) -> pl.Series:
        """One result a key."""

    @property
    def nothing(self) -> object:
        """The result of a key that the table has no value for."""
        return None


def canonical(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """-0.0 as 0.0, and one NaN: equal keys and values look alike, whichever of them came first."""
    if not dtype.is_float():
        return value
    return pl.when(value == 0).then(0.0).when(value.is_nan()).then(float("nan")).otherwise(value).cast(dtype)


def joined(left: pl.DataFrame, right: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """`left`, with the other columns of `right` where it has the key, null where not. Null and NaN are keys."""
    # By the bits of floats: Polars' join finds NaN, but not in frames of one row (test: law 3 with float keys).
    bits: dict[pl.DataType, pl.DataType] = {pl.Float64(): pl.UInt64(), pl.Float32(): pl.UInt32()}
    floats = {key: dtype for key in keys if (dtype := left.schema[key]) in bits}
    there = [pl.col(key).reinterpret(dtype=bits[dtype]) for key, dtype in floats.items()]
    back = [pl.col(key).reinterpret(dtype=dtype) for key, dtype in floats.items()]
    both = left.with_columns(there).join(
        right.with_columns(there), keys, "left", nulls_equal=True, maintain_order="left"
    )
    return both.with_columns(back)


def grouped(frame: pl.DataFrame, keys: Sequence[str], expressions: Sequence[pl.Expr]) -> pl.DataFrame:
    """One row a key, in order of appearance; without keys one row, or none where the frame has none.

    Sums of floats must not depend on what is known of a frame: Polars adds in another order where it knows that a
    single key is sorted (test_float_bits_do_not_depend_on_how_a_frame_lies_in_memory)."""
    if not keys:
        one = "~" * (1 + max(map(len, frame.columns), default=0))
        return frame.group_by(pl.repeat(0, pl.len()).alias(one), maintain_order=True).agg(expressions).drop(one)
    if len(keys) == 1 and any(frame.get_column(keys[0]).flags.values()):
        # Taking rows by position is what drops the flag; 1 ms for 500,000 rows, and rare.
        key = frame.get_column(keys[0])
        frame = frame.with_columns(key.gather(pl.int_range(frame.height, eager=True)))
    return frame.group_by(keys, maintain_order=True).agg(expressions)
