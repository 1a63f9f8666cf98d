"""The grammar of row expressions: the part of SQL that answers from one row, as a tree over the text.

Polars evaluates the expressions; it has no parser that tells what is inside one. This one knows just what may stand
in a row expression, so whatever it does not know is refused: aggregates, windows, subqueries, clocks, several
expressions. Nodes keep their place in the text, so that `render` can rewrite some and leave the rest as written.
Operators are read by precedence climbing (Pratt, "Top down operator precedence", 1973); `expressions` checks against
Polars that both read the same tree.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.reduce.tokens import Token, tokens
from pipeline.reduce.vocabulary import AGGREGATES, CLOCKS, RANDOM, ROW_FUNCTIONS, WORDS

Kind: TypeAlias = Literal["column", "number", "literal", "call", "arithmetic", "other"]

_TYPED = frozenset({"date", "datetime", "interval", "time", "timestamp"})
"""Types that may stand before a quoted literal."""
_UNARY_MINUS, _NOT = 40, 15
_LEVELS = {
    5: "or",
    10: "and",
    17: "is",
    19: "between in like ilike rlike regexp not",
    20: "= == < <= > >= <> != <=> ~ !~ ~* !~*",
    21: "|",
    23: "&",
    30: "+ -",
    40: "* / // % ||",
    50: "::",
}
_POWERS = {sign: power for power, signs in _LEVELS.items() for sign in signs.split()}
"""How strongly an operator binds, as Polars' parser has it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the expression: the characters [start, stop) of its text."""

    kind: Kind
    name: str
    """Column, function (lower case), operator, or the literal as written."""
    start: int
    stop: int
    parts: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


def parse(text: str) -> Node:
    """The tree of one row expression. Raises ValueError, with the reason and the place, for anything else."""
    return _Parser(text).whole()


def render(text: str, node: Node, rewrite: Callable[[Node], str | None]) -> str:
    """The node's text, with every part for which `rewrite` has an answer replaced by it."""
    if (new := rewrite(node)) is not None:
        return new
    pieces, at = [], node.start
    for part in node.parts:
        pieces += [text[at : part.start], render(text, part, rewrite)]
        at = part.stop
    return "".join([*pieces, text[at : node.stop]])


def quoted(name: str) -> str:
    """The column name as SQL reads it back."""
    return '"' + name.replace('"', '""') + '"'


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(tokens(text))
        self.at = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    @property
    def stop(self) -> int:
        """Where the token before this one ends."""
        last = self.tokens[self.at - 1]
        return last.start + len(last.text)

    def take(self, *words: str) -> Token | None:
        if self.now.word not in words:
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def need(self, *words: str) -> Token:
        return self.take(*words) or self.fail(f"{' or '.join(map(repr, words))} is missing before")

    def fail(self, problem: str) -> Token:
        raise ValueError(f"{problem} {self.now.text!r} at character {self.now.start + 1}")

    def whole(self) -> Node:
        if self.now.kind == "end":
            raise ValueError("an expression is missing")
        node = self.expression(0)
        match self.now.word:
            case ",":
                self.fail("one expression is wanted, not several:")
            case "over":
                self.fail("a window function would depend on the cuts between chunks: refused is")
            case "as":
                self.fail("the name stands before the expression, as its key: refused is")
        if self.now.kind != "end":
            self.fail("the expression should have ended before")
        return node

    def expression(self, power: int) -> Node:
        left = self.operand()
        while (mine := _POWERS.get(self.now.word, 0)) > power:
            left = self.operation(left, mine)
        return left

    def operation(self, left: Node, power: int) -> Node:
        """What follows `left`, beginning with an operator that binds with `power`."""
        sign = self.tokens[self.at].word
        self.at += 1
        parts = [left]
        if sign == "::":
            self.type()
        elif sign == "is":
            self.take("not")
            if self.take("distinct"):
                self.need("from")
                parts.append(self.expression(power))
            else:
                self.need("null", "true", "false")
        else:
            if sign == "not":
                sign = self.need("between", "in", "like", "ilike", "rlike", "regexp").word
            if sign == "in":
                self.need("(")
                if self.now.word == "select":
                    self.fail("a subquery is not a row expression:")
                parts += self.arguments()
            else:
                parts.append(self.expression(power))
            if sign == "between":
                self.need("and")
                parts.append(self.expression(power))
        kind: Kind = "arithmetic" if sign in ("+", "-", "*", "//") else "other"
        return Node(kind, sign, left.start, self.stop, tuple(parts))

    def operand(self) -> Node:
        token = self.now
        self.at += 1
        match token.kind, token.word:
            case "number", _:
                return Node("number", token.text, token.start, self.stop)
            case ("string", _) | ("word", "null" | "true" | "false"):
                return Node("literal", token.text, token.start, self.stop)
            case ("quoted", _) | ("word", _):
                return self.named(token)
            case "sign", "-" | "+" as sign:
                part = self.expression(_UNARY_MINUS)
                return Node("arithmetic" if sign == "-" else "other", "negate", token.start, self.stop, (part,))
            case "sign", "(":
                if self.now.word in ("select", "with"):
                    self.fail("a subquery is not a row expression:")
                parts = self.arguments()
                if len(parts) != 1:
                    self.fail("one expression is wanted in the brackets that end before")
                return Node("other", "()", token.start, self.stop, parts)
        self.at -= 1
        self.fail("a column, a value or a function is missing before")
        raise AssertionError

    def named(self, token: Token) -> Node:
        """What begins with a word: a keyword with its own grammar, a typed literal, a function or a column."""
        word, parts = token.word, tuple[Node, ...]()
        if word == "not":
            parts = (self.expression(_NOT),)
        elif word == "case":
            parts = self.case()
        elif word in ("cast", "try_cast"):
            self.need("(")
            parts = (self.expression(0),)
            self.need("as")
            self.type()
            self.need(")")
        elif word == "extract":
            self.need("(")
            self.at += 1
            self.need("from")
            parts = (self.expression(0),)
            self.need(")")
        elif word in _TYPED and self.now.kind == "string":
            self.at += 1
            return Node("literal", word, token.start, self.stop)
        elif word in CLOCKS or (word in RANDOM and self.now.word == "("):
            raise ValueError(f"{word} gives another answer at every run: refused (a column of that name wants quotes)")
        elif self.now.word == "(":
            return self.call(token)
        else:
            return self.column(token)
        return Node("other", word, token.start, self.stop, parts)

    def call(self, token: Token) -> Node:
        name = token.word
        if name in AGGREGATES:
            raise ValueError(f"{name}() needs many rows: its answer would depend on the cuts between chunks")
        if name in ("select", "exists"):
            raise ValueError("a subquery is not a row expression")
        if name not in ROW_FUNCTIONS:
            near = difflib.get_close_matches(name, ROW_FUNCTIONS, 1)
            raise ValueError(f"unknown function {token.text}()" + (f"; did you mean {near[0]}()?" if near else ""))
        self.need("(")
        if self.now.word == ")" and name != "pi":
            self.fail(f"{name}() lacks its argument before")
        parts = () if self.take(")") else self.arguments()
        if self.now.word in ("over", "filter", "within"):
            self.fail("a window function would depend on the cuts between chunks: refused is")
        return Node("arithmetic" if name in ("abs", "pow", "power") else "call", name, token.start, self.stop, parts)

    def column(self, token: Token) -> Node:
        """A name; `a.b` without quotes is the column named "a.b"."""
        if token.word in WORDS:
            raise ValueError(f"{token.text!r} at character {token.start + 1} is a word of SQL; a column wants quotes")
        names = [self.name(token)]
        while self.take("."):
            self.at += 1
            names.append(self.name(self.tokens[self.at - 1]))
        return Node("column", ".".join(names), token.start, self.stop)

    def name(self, token: Token) -> str:
        if token.kind == "quoted":
            return token.text[1:-1].replace('""', '"') if token.text[0] == '"' else token.text[1:-1]
        if token.kind != "word":
            self.at -= 1
            self.fail("a column's name is missing before")
        return token.text

    def case(self) -> tuple[Node, ...]:
        parts = [] if self.now.word == "when" else [self.expression(0)]
        self.need("when")
        while True:
            parts.append(self.expression(0))
            self.need("then")
            parts.append(self.expression(0))
            if not self.take("when"):
                break
        if self.take("else"):
            parts.append(self.expression(0))
        self.need("end")
        return tuple(parts)

    def arguments(self) -> tuple[Node, ...]:
        """What stands before the closing bracket; the opening one is taken."""
        parts = [self.expression(0)]
        while self.take(","):
            parts.append(self.expression(0))
        self.need(")")
        return tuple(parts)

    def type(self) -> None:
        """A type: words, then numbers in brackets. Polars knows which there are."""
        if self.now.kind != "word":
            self.fail("a type is missing before")
        self.at += 1
        self.take("precision", "unsigned")
        if self.take("("):
            while self.now.kind == "number" or self.now.word == ",":
                self.at += 1
            self.need(")")
