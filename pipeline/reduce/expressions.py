"""Row expressions: SQL over the columns of one row, compiled once and evaluated by Polars, never by `eval`.

The meaning is that of Polars' SQL: `/` divides to a float (x/0 is infinite or NaN), `//` and `%` round towards zero
and are null at 0, a comparison with null is null, and a `where` keeps the rows that are true. Every branch of a CASE
is evaluated for every row. What adds to it is `arithmetic`: integers that do not fit are an error, not a wrong number.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PanicException, PolarsError

from pipeline.errors import InputRefused
from pipeline.reduce import arithmetic
from pipeline.reduce.grammar import Node, parse, quoted, render
from pipeline.reduce.type_names import translated, type_name

_NO_COLUMN = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Int128, pl.UInt128, pl.Null)


@dataclass(frozen=True, slots=True)
class RowExpression:
    """One expression over rows of the schema it was compiled for."""

    text: str
    """As configured."""
    sql: str
    """As evaluated: columns in quotes, integer arithmetic checked. Safe to put into a query over `self`."""
    dtype: pl.DataType
    columns: tuple[str, ...]
    """The columns it reads, in order of appearance."""
    checks: tuple[arithmetic.Check, ...] = ()
    column: str | None = None
    """The column, where the expression is nothing more."""


def compile(text: str, schema: pl.Schema) -> RowExpression:
    """The expression over rows of `schema`. Raises ValueError, its text fit for a complaint, for what is no row
    expression (the words of `grammar`), names no column or does not suit the types."""
    node = parse(text)
    columns = tuple(dict.fromkeys(part.name for part in node.walk() if part.kind == "column"))
    for name in columns:
        if name not in schema:
            raise ValueError(no_column(name, schema))
    plain = render(text, node, lambda part: quoted(part.name) if part.kind == "column" else None)
    dtype = _types([plain], schema)[0]
    sql, checks = arithmetic.checked(text, node, lambda texts: _types(texts, schema))
    if dtype in _NO_COLUMN:
        raise ValueError(f"gives {type_name(dtype)}, which is no type of a column: cast it")
    if checks and _plan(plain, schema) != _plan(_in_brackets(text, node), schema):
        raise ValueError("may be read in two ways: put brackets around its parts")
    column = columns[0] if node.kind == "column" else None
    return RowExpression(text, sql, dtype, columns, checks, column)


def condition(text: str, schema: pl.Schema) -> RowExpression:
    """Like `compile`, for what must be true or false. Raises ValueError for another type."""
    compiled = compile(text, schema)
    if compiled.dtype != pl.Boolean:
        raise ValueError(f"is a condition and must be true or false, not {type_name(compiled.dtype)}")
    return compiled


def refusal(error: PolarsError, frame: pl.DataFrame, expressions: Sequence[RowExpression]) -> InputRefused:
    """What to tell the user after evaluating `expressions` over `frame` failed: which one, and for which row."""
    lazy = frame.lazy()
    for expression in expressions:
        try:
            lazy.sql(f"SELECT {expression.sql} AS value FROM self").collect()  # noqa: S608
        except PolarsError as own:
            problem = _culprit(frame, expression) or reason(own)
            whole = problem.startswith(f"{expression.text} does not fit ")  # and no part of it: said once
            return InputRefused(problem if whole else f"{expression.text}: {problem}")
    return InputRefused(reason(error))


def _culprit(frame: pl.DataFrame, expression: RowExpression) -> str | None:
    shown = [name for name in frame.columns if name in (*expression.columns, "_shard", "_line")]
    names = ", ".join(map(quoted, shown))
    for check in expression.checks:
        try:
            row = frame.lazy().sql(f"SELECT {names} FROM self WHERE {check.fails}").head(1).collect()  # noqa: S608
        except PolarsError:
            continue
        if row.height:
            values = ", ".join(f"{name} = {value!r}" for name, value in row.row(0, named=True).items())
            return f"{check.text} does not fit {type_name(check.dtype)} where {values}"
    return None


def reason(error: BaseException) -> str:
    """The first paragraph of a message of Polars: what follows is its plan."""
    return translated(str(error).split("\n\n", maxsplit=1)[0])


def no_column(name: str, schema: pl.Schema) -> str:
    """What to say of a name that is not there: the nearest one, or all."""
    near = difflib.get_close_matches(name, schema, 1)
    return f"no column {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"columns are {', '.join(schema)}")


def _types(texts: Sequence[str], schema: pl.Schema) -> list[pl.DataType]:
    """The types of SQL expressions; also evaluates them over no rows, which finds what only evaluation refuses."""
    items = ", ".join(f"({text}) AS {quoted(str(place))}" for place, text in enumerate(texts))
    try:
        return list(pl.LazyFrame(schema=schema).sql(f"SELECT {items} FROM self").collect().schema.values())  # noqa: S608
    except (PolarsError, PanicException) as error:
        raise ValueError(reason(error).removeprefix("sql parser error: ")) from error


def _plan(sql: str, schema: pl.Schema) -> str:
    return pl.LazyFrame(schema=schema).sql(f"SELECT {sql} AS value FROM self").explain(optimized=False)  # noqa: S608


def _in_brackets(text: str, node: Node) -> str:
    """The expression with brackets around every operation: Polars must read it as it reads it without."""

    def bracketed(part: Node) -> str | None:
        if part.kind == "column":
            return quoted(part.name)
        # A bracketed negative number is no longer a literal to Polars: x IN (1, (-2)) has another plan.
        negative = part.name == "negate" and part.parts[0].kind == "number"
        if part.kind in ("arithmetic", "other") and part.name != "()" and not negative:
            inside = Node("call", part.name, part.start, part.stop, part.parts)
            return f"({render(text, inside, lambda other: None if other is inside else bracketed(other))})"
        return None

    return render(text, node, bracketed)
