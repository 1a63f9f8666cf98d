"""Columns from a sample of JSON objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
import polars as pl

from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, Column
from pipeline.parse.infer import infer_type
from pipeline.parse.records import split_records


def infer_objects(chunk: ChunkBytes) -> tuple[Column, ...]:
    """Every key of the sample's objects in the order in which they come, the keys of an object under its path. Lines
    that are no object are passed over. Raises InputRefused for a sample without a key."""
    types: dict[str, str] = {}
    for column in _columns(list(_objects(chunk)), ""):
        # The key "a.b" and the path a, b are one column: of one type, or text.
        types[column.name] = column.type if types.get(column.name, column.type) == column.type else "string"
    if not types:
        raise InputRefused(f"{chunk.shard_name}: no object to infer the columns from", "parse.columns names them.")
    return tuple(Column(name, type) for name, type in types.items())


def _objects(chunk: ChunkBytes) -> Iterator[dict[str, object]]:
    for text in split_records(chunk).texts():
        try:
            item = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if isinstance(item, dict):
            yield item


def _columns(items: Sequence[dict[str, object]], prefix: str) -> Iterator[Column]:
    for key in dict.fromkeys(key for item in items for key in item):
        values = [value for item in items if (value := item.get(key)) is not None]
        objects = [value for value in values if isinstance(value, dict)]
        if objects and len(objects) == len(values) and any(objects):
            yield from _columns(objects, f"{prefix}{key}.")
        else:
            yield Column(prefix + key, _type(values))


def _type(values: Sequence[object]) -> str:
    """The narrowest type that holds all values; string for lists, mixtures, and where there is none."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        numbers = [value for value in values if isinstance(value, int)]
        return "int64" if max(numbers) < 2**63 else "uint64" if min(numbers) >= 0 else "float64"
    if kinds in ({float}, {int, float}):
        return "float64"
    if kinds == {str}:
        return infer_type(pl.Series(values, dtype=pl.String), ("date", "datetime"))
    return "string"
