"""A metric as it is written: `quantile(delay, 0.9)` to a name and its arguments. Config checks it, reduce computes it.

The grammar is one call: a name, then arguments in parentheses, split at the commas that are not inside brackets or
quotes. The first argument is an SQL expression over a row and stays text here; the others are literal numbers.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*", re.DOTALL)
_OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class MetricCall:
    """A known metric with the right number of arguments, its literals within their ranges."""

    name: str
    """Lower case."""
    args: tuple[str, ...]
    """As written, without the blanks around them. `count()` has none."""


@dataclass(frozen=True, slots=True)
class Literal:
    """An argument that is a number in the config, not an expression over the row."""

    name: str
    rule: str
    allows: Callable[[float], bool]

    def problem(self, text: str) -> str | None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        return None if self.allows(value) else f"{self.name} must be {self.rule}, not {text}"


_FRACTION = Literal("q", "a number from 0 to 1", lambda q: 0 <= q <= 1)
_COUNT = Literal("k", "a whole number from 1 to 1000000", lambda k: 1 <= k <= 1_000_000 and k == int(k))
_BINS = Literal("bins", "a whole number from 1 to 100000", lambda n: 1 <= n <= 100_000 and n == int(n))
_LOW = Literal("low", "a number", math.isfinite)
_HIGH = Literal("high", "a number", math.isfinite)

METRICS: Mapping[str, tuple[Literal, ...]] = MappingProxyType(
    {
        "any": (),
        "approx_distinct": (),
        "approx_quantile": (_FRACTION,),
        "approx_top_k": (_COUNT,),
        "count": (),
        "count_distinct": (),
        "first": (),
        "histogram": (_LOW, _HIGH, _BINS),
        "last": (),
        "max": (),
        "mean": (),
        "median": (),
        "min": (),
        "quantile": (_FRACTION,),
        "std": (),
        "sum": (),
        "top_k": (_COUNT,),
        "var": (),
    }
)
"""Every metric and the literals that follow its expression. Only `count` may go without an expression."""


def parse_call(text: str) -> MetricCall:
    """The call that `text` is. Raises ValueError, its text fit for a complaint, for anything else."""
    call = _CALL.fullmatch(text)
    if call is None:
        hint = ": it lacks its argument" if text.strip().lower() in METRICS else ""
        raise ValueError(f"{text.strip()!r} is not a metric call such as sum(x){hint}")
    name, args = call[1].lower(), split_arguments(call[2])
    if name not in METRICS:
        near = difflib.get_close_matches(name, METRICS, 1)
        known = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(METRICS)}"
        raise ValueError(f"unknown metric {name!r}; {known}")
    literals = METRICS[name]
    if name == "count" and args == ("*",):
        raise ValueError("count(*) is written count()")
    if len(args) != 1 + len(literals) and not (name == "count" and not args):
        pattern = ", ".join(["x", *(literal.name for literal in literals)])
        raise ValueError(f"{name} takes {1 + len(literals)} argument{'s' * bool(literals)}: {name}({pattern})")
    for literal, value in zip(literals, args[1:], strict=False):
        if problem := literal.problem(value):
            raise ValueError(f"{name}: {problem}")
    if name == "histogram" and float(args[1]) >= float(args[2]):
        raise ValueError(f"histogram: low must be below high, not {args[1]} and {args[2]}")
    return MetricCall(name, args)


def split_arguments(text: str) -> tuple[str, ...]:
    """The arguments between the commas of the top level. Raises ValueError for an empty one, an unclosed bracket or
    quote, or a bracket too many."""
    args, start, closing, quote = [], 0, [], ""
    for place, char in enumerate(text):
        if quote:
            # A doubled quote closes and opens again at once: the same answer.
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char in _OPENING:
            closing.append(_OPENING[char])
        elif char in ")]}":
            if not closing or closing.pop() != char:
                raise ValueError(f"a {char!r} without its opening bracket in {text!r}")
        elif char == "," and not closing:
            args.append(text[start:place].strip())
            start = place + 1
    if quote or closing:
        raise ValueError(f"{quote or closing[-1]!r} is missing in {text!r}")
    args.append(text[start:].strip())
    if args == [""]:
        return ()
    if "" in args:
        raise ValueError(f"an argument is empty in ({text})")
    return tuple(args)
