"""Rules of `aggregate`: every output has one name, and order and condition speak of outputs."""

from __future__ import annotations

import re

from pipeline.config.places import Path, nearest
from pipeline.config.rules.rule import Problems, Rule, twice
from pipeline.config.schema import Config


def _keys_are_named_once(config: Config) -> Problems:
    if config.aggregate:
        yield from twice(("aggregate", "by"), config.aggregate.by)


def _metrics_are_not_keys(config: Config) -> Problems:
    aggregate = config.aggregate
    for name in aggregate.metrics if aggregate else ():
        if aggregate and name in aggregate.by:
            yield ("aggregate", "metrics", name), "is also one of the keys; give it another name"


def _an_aggregate_has_something(config: Config) -> Problems:
    if config.aggregate and not config.aggregate.by and not config.aggregate.metrics:
        yield ("aggregate",), "needs by or metrics"


def _order_by_names_outputs(config: Config) -> Problems:
    aggregate = config.aggregate
    if aggregate is None:
        return
    outputs = (*aggregate.by, *aggregate.metrics)
    names = [name.removeprefix("-") for name in aggregate.order_by]
    for number, name in enumerate(names):
        if name not in outputs:
            problem = f"{name!r} is neither a key nor a metric{nearest(name, outputs)}"
            yield ("aggregate", "order_by", number), problem
    yield from twice(("aggregate", "order_by"), tuple(names))


# What else a word in an SQL condition may be: words of the language, types and parts of dates. Functions are not here,
# a bracket follows them. A word missing here would be a wrong complaint; one too many only leaves it to the run.
_SQL_WORD = re.compile(
    "all|and|any|as|asc|between|bigint|bool|boolean|both|by|bytea|case|cast|century|char|character|date|datetime|day|"
    "dayofweek|dayofyear|dec|decade|decimal|desc|distinct|double|dow|doy|else|end|epoch|escape|exists|false|filter|"
    "first|float[48]?|for|from|hour|hugeint|ilike|in|int|integer|interval|is|isnull|isodow|isoyear|last|leading|like|"
    "(milli|micro|nano)?seconds?|millennium|minute|month|not|notnull|nulls?|numeric|of|on|or|over|overlaps|precision|"
    "quarter|real|regexp|rlike|similar|smallint|string|symmetric|text|then|time|timestamp|timezone|tinyint|to|trailing|"
    "true|try_cast|u?(big|tiny|small)int|u?int(1|2|4|8|16|32|64|128|eger)|unknown|unsigned|using|varbinary|varchar|"
    "varying|week|when|where|with|within|without|xor|year|zone",
    re.IGNORECASE,
)
# What is longer was not written by hand, and the tokens take quadratic time at worst; the run checks it anyway.
_LONGEST_CONDITION = 10_000
_SQL_TOKEN = re.compile(
    r"""'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\d[\w.]*|"((?:[^"]|"")*)"|`([^`]*)`|([A-Za-z_]\w*)(\s*\()?|\S""", re.DOTALL
)


def _having_names_outputs(config: Config) -> Problems:
    aggregate = config.aggregate
    if aggregate is None or aggregate.having is None or len(aggregate.having) > _LONGEST_CONDITION:
        return
    outputs = (*aggregate.by, *aggregate.metrics)
    for match in _SQL_TOKEN.finditer(aggregate.having):
        quoted, word = match[1] or match[2], match[3]
        name = quoted or (word if word and not match[4] and not _SQL_WORD.fullmatch(word) else None)
        if name and name not in outputs:
            yield ("aggregate", "having"), f"{name!r} is neither a key nor a metric{nearest(name, outputs)}"


_OUTPUTS: tuple[Path, ...] = (("aggregate", "by"), ("aggregate", "metrics"))

RULES = (
    Rule(_keys_are_named_once, (("aggregate", "by"),)),
    Rule(_metrics_are_not_keys, _OUTPUTS),
    Rule(_an_aggregate_has_something, (*_OUTPUTS, ("aggregate", "function"))),
    Rule(_order_by_names_outputs, (*_OUTPUTS, ("aggregate", "order_by"))),
    Rule(_having_names_outputs, (*_OUTPUTS, ("aggregate", "having"))),
)
