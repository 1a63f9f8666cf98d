"""Checked integer arithmetic: + - * abs, negation, // and power that give the right number or an error.

Polars wraps around in silence (law 7). Each integer operation of a row expression that could leave its type is
rewritten: operands widened to 64 or 128 bits, whichever the widths ask for, the result cast back strictly to the
type that Polars gives the plain expression. Inner results of a sum or product stay wide, so only the whole must fit.
Costs about 1 ms for 500,000 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.reduce.grammar import Node, quoted, render

_BITS: dict[pl.DataType, int] = {
    pl.Int8(): 7,
    pl.Int16(): 15,
    pl.Int32(): 31,
    pl.Int64(): 63,
    pl.UInt8(): 8,
    pl.UInt16(): 16,
    pl.UInt32(): 32,
    pl.UInt64(): 64,
    pl.Boolean(): 1,
    pl.Null(): 0,
}
"""A value v of the type has -2**bits <= v < 2**bits."""

_SQL: dict[pl.DataType, str] = {
    pl.Int8(): "TINYINT",
    pl.Int16(): "SMALLINT",
    pl.Int32(): "INT",
    pl.Int64(): "BIGINT",
    pl.UInt8(): "UTINYINT",
    pl.UInt16(): "USMALLINT",
    pl.UInt32(): "UINTEGER",
    pl.UInt64(): "UBIGINT",
}

_POWER = ("pow", "power")


@dataclass(frozen=True, slots=True)
class Check:
    """One operation that may fail."""

    text: str
    """The operation as configured."""
    fails: str
    """SQL condition: true for the rows at fault."""
    dtype: pl.DataType
    """What the result does not fit."""


def checked(
    text: str, node: Node, types: Callable[[Sequence[str]], list[pl.DataType]]
) -> tuple[str, tuple[Check, ...]]:
    """The SQL of an expression, columns in quotes and its integer arithmetic checked, and what may fail in it.

    `types` gives the types of plain SQL texts. Raises ValueError where the plain expression has a type of 128 bits
    (uint64 with a signed integer)."""
    parts = [part for part in node.walk() if part.kind == "arithmetic"]
    parts += [inner for part in parts for inner in part.parts]
    texts = [render(text, part, lambda inner: quoted(inner.name) if inner.kind == "column" else None) for part in parts]
    rewriting = _Rewriting(text, dict(zip(parts, types(texts) if texts else [], strict=True)))
    return rewriting.sql(node), tuple(rewriting.checks)


class _Rewriting:
    def __init__(self, text: str, types: dict[Node, pl.DataType]) -> None:
        self.text, self.types = text, types
        self.checks: list[Check] = []

    def sql(self, node: Node) -> str:
        return render(self.text, node, self.rewrite)

    def rewrite(self, node: Node) -> str | None:
        if node.kind == "column":
            return quoted(node.name)
        if not self.counts(node):
            return None
        if node.name in _POWER:
            return self.power(node)
        return None if self.bits(node) <= _BITS[self.types[node]] else self.narrow(node)

    def counts(self, node: Node) -> bool:
        """Integers in, an integer out."""
        if node.kind != "arithmetic" or any(self.types[part] not in _BITS for part in node.parts):
            return False
        if self.types[node] not in _SQL and self.types[node].is_integer():
            raise ValueError(f"{self.source(node)}: no integer type of 64 bits holds it: cast a part of it")
        return self.types[node] in _SQL

    def source(self, node: Node) -> str:
        return self.text[node.start : node.stop]

    def narrow(self, node: Node) -> str:
        """The node in its plain type, by way of a wider one and a strict cast."""
        if node.name == "()":
            return self.narrow(node.parts[0])
        if not self.counts(node) or node.name in _POWER:
            return self.sql(node)
        bits = self.bits(node)
        # Only a product of two uint64 needs the 128th bit, and it has no sign.
        wide = "BIGINT" if bits <= 63 else "INT128" if bits <= 127 else "UHUGEINT"
        return self.cast_back(node, self.exact(node, wide))

    def cast_back(self, node: Node, wide: str) -> str:
        dtype = self.types[node]
        fails = f"{wide} IS NOT NULL AND TRY_CAST({wide} AS {_SQL[dtype]}) IS NULL"
        self.checks.append(Check(self.source(node), fails, dtype))
        return f"CAST({wide} AS {_SQL[dtype]})"

    def exact(self, node: Node, wide: str) -> str:
        """SQL of the type `wide` for the very number."""
        if node.name == "()":
            return self.exact(node.parts[0], wide)
        if not self.counts(node) or node.name in _POWER:
            return f"CAST({self.sql(node)} AS {wide})"
        if self.free_bits(node) > 127:
            parts = [f"CAST({self.narrow(part)} AS {wide})" for part in node.parts]
        else:
            parts = [self.exact(part, wide) for part in node.parts]
        match node.name:
            case "negate":
                return f"(-{parts[0]})"
            case "abs":
                return f"ABS({parts[0]})"
            case sign:
                return f"({parts[0]} {sign} {parts[1]})"

    def power(self, node: Node) -> str:
        """Polars' power wraps too, at any width: a float that does not fit tells, and then adds nothing."""
        base, exponent = (self.sql(part) for part in node.parts)
        shadow = f"POWER(CAST({base} AS DOUBLE), CAST({exponent} AS DOUBLE))"
        return f"(POWER({base}, {exponent}) + 0 * {self.cast_back(node, shadow)})"

    def bits(self, node: Node) -> int:
        """So many that -2**bits <= v < 2**bits for every value v, when `exact` computes it."""
        if node.name == "()":
            return self.bits(node.parts[0])
        if node.kind == "number" and node.name.isdigit():
            return int(node.name).bit_length()
        if node.name == "%" and node.parts[1].name.isdigit():
            return int(node.parts[1].name).bit_length()
        if not self.counts(node) or node.name in _POWER:
            return _BITS[self.types[node]]
        if (bits := self.free_bits(node)) <= 127:
            return bits
        return self.combined(node, [min(self.bits(part), _BITS[self.types[part]]) for part in node.parts])

    def free_bits(self, node: Node) -> int:
        """Like `bits`, if no part is cast back on the way."""
        return self.combined(node, [self.bits(part) for part in node.parts])

    def combined(self, node: Node, parts: list[int]) -> int:
        match node.name:
            case "*":
                # (-2**63)**2 is 2**126, which is not below it: a sign costs a bit.
                return sum(parts) + (self.types[node] != pl.UInt64)
            case "//":
                # Only -1 makes a quotient larger.
                return parts[0] + (not node.parts[1].name.isdigit())
            case "negate" | "abs":
                return parts[0] + 1
            case _:
                return max(parts) + 1
