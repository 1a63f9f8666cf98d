"""Where a column's value lies in a JSON object, and what the dataframe library has to be told to find it there.

The column `user.id` is the key "user.id" of the object, if that is there and not null, else the key "id" of the object
under "user". Anything but an object on the way is refused; null or nothing on the way is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from pipeline.model import Column
from pipeline.parse.dtypes import dtype_of

Tree: TypeAlias = "dict[str, pl.DataType | Tree]"


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of the data, with columns that do not stand in each other's way (`user` as text and `user.id` do)."""

    columns: tuple[Column, ...]
    schema: dict[str, pl.DataType]

    def value(self, column: Column) -> pl.Expr:
        """The column's value in the frame that was read with `schema`."""
        return pl.coalesce(_expression(keys) for keys in paths(column.name)).alias(column.name)


def passes(columns: Iterable[Column]) -> tuple[Pass, ...]:
    """As few readings as give all columns."""
    trees: list[tuple[list[Column], Tree]] = []
    for column in columns:
        places = paths(column.name)
        home = next((home for home in trees if all(_has_room(home[1], keys) for keys in places)), None)
        if home is None:
            home = ([], {})
            trees.append(home)
        home[0].append(column)
        for keys in places:
            _insert(home[1], keys, native(column.type))
    return tuple(Pass(tuple(members), {key: _dtype(node) for key, node in tree.items()}) for members, tree in trees)


def read_objects(data: bytes, readings: Sequence[Pass]) -> pl.DataFrame | None:
    """The columns of all lines that are not blank; None if the library refuses one."""
    try:
        frames = [
            pl.read_ndjson(data, schema=reading.schema).select(map(reading.value, reading.columns))
            for reading in readings
        ]
    except pl.exceptions.PolarsError:
        return None
    return pl.concat(frames, how="horizontal")


def paths(name: str) -> tuple[tuple[str, ...], ...]:
    """The places to look at, the preferred one first."""
    return ((name,), tuple(name.split("."))) if "." in name else ((name,),)


def look_up(item: object, name: str) -> object:
    """The value of the column in an object that has been read."""
    for keys in paths(name):
        value = item
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def first_of_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as the dataframe library reads it: of a key that comes twice the first value counts."""
    return dict(reversed(pairs))


def as_text(value: object) -> str | None:
    """A value as a string column has it."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def native(type: str) -> pl.DataType:
    """What to ask the reader for. It knows numbers of 32 and 64 bits; of text in dates and decimals it would guess."""
    dtype = dtype_of(type)
    if dtype in (pl.Int8, pl.Int16, pl.UInt8, pl.UInt16):
        return pl.Int64()
    if dtype == pl.Float32:
        return pl.Float64()
    return dtype if dtype.is_integer() or dtype in (pl.Float64, pl.Boolean) else pl.String()


def _expression(keys: tuple[str, ...]) -> pl.Expr:
    value = pl.col(keys[0])
    for key in keys[1:]:
        value = value.struct.field(key)
    return value


def _has_room(tree: Tree, keys: tuple[str, ...]) -> bool:
    node: pl.DataType | Tree = tree
    for key in keys:
        if not isinstance(node, dict):
            return False
        if key not in node:
            return True
        node = node[key]
    return False


def _insert(tree: Tree, keys: tuple[str, ...], dtype: pl.DataType) -> None:
    for key in keys[:-1]:
        node = tree.setdefault(key, {})
        assert isinstance(node, dict)
        tree = node
    tree[keys[-1]] = dtype


def _dtype(node: pl.DataType | Tree) -> pl.DataType:
    return pl.Struct({key: _dtype(child) for key, child in node.items()}) if isinstance(node, dict) else node
