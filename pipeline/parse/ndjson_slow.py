"""Takes an ndjson chunk apart, batch by batch, and names the lines at fault.

In a batch that the dataframe library refuses every line is judged by a second JSON parser, in the time of a few reads,
however many are bad. What passes is read by the library, so that the values are its values; should it still refuse a
line, halving finds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import numpy as np
import orjson
import polars as pl

from pipeline.model import ChunkBytes, Column
from pipeline.parse.faults import faults_in, first_faults
from pipeline.parse.json_paths import Pass, native, paths, read_objects
from pipeline.parse.records import BATCH, Positions, not_utf8, shown, split_records

# The library reads a lone surrogate as something else, without a word.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F])"
)
_BLANK = b" \t\r"
_RANGES: Mapping[type[pl.DataType], tuple[int, int]] = {
    pl.Int32: (-(2**31), 2**31 - 1),
    pl.Int64: (-(2**63), 2**63 - 1),
    pl.UInt32: (0, 2**32 - 1),
    pl.UInt64: (0, 2**64 - 1),
}
_KINDS: Mapping[type[pl.DataType], tuple[type, ...] | None] = {
    pl.Float64: (int, float),
    pl.Boolean: (bool,),
    pl.String: None,
} | dict.fromkeys(_RANGES, (int,))


def not_blank(texts: Sequence[bytes]) -> Positions:
    """The lines that are records."""
    return np.array([index for index, text in enumerate(texts) if text.strip(_BLANK)], np.int64)


def read_surely(data: bytes, readings: Sequence[Pass]) -> pl.DataFrame | None:
    """The columns of all lines that are not blank; None if one is refused or doubtful."""
    suspicious = b"\\u" in data and _LONE_SURROGATE.search(data)
    return None if suspicious else read_objects(data, readings)


def read(
    chunk: ChunkBytes, columns: Sequence[Column], readings: Sequence[Pass]
) -> tuple[pl.DataFrame, Positions, pl.DataFrame]:
    """The columns of the good lines, which records these are, and the faults of the others, by record."""
    records = split_records(chunk)
    judges = [_Judge(column) for column in columns]
    empty = pl.DataFrame(schema={column.name: native(column.type) for column in columns})
    frames = [empty]
    kept = [np.zeros(0, np.int64)]
    faults = [first_faults()]
    for at in range(0, len(records), BATCH):
        index = np.arange(at, min(at + BATCH, len(records)))
        frame = read_surely(chunk.data[records.starts[at] : records.stops[index[-1]]], readings)
        if frame is None or frame.height != len(index):
            texts = [records.text(line) for line in index.tolist()]
            frame, good, fault = _read_batch(texts, judges, readings, empty)
            index = index[good]
            faults.append(fault.with_columns(pl.col("row") + at))
        frames.append(frame.select(empty.columns))
        kept.append(index)
    return pl.concat(frames), np.concatenate(kept), first_faults(*faults)


def _read_batch(
    texts: Sequence[bytes], judges: Sequence[_Judge], readings: Sequence[Pass], empty: pl.DataFrame
) -> tuple[pl.DataFrame, Positions, pl.DataFrame]:
    lines = not_blank(texts).tolist()
    faults = {index: fault for index in lines if (fault := _fault(texts[index], judges, readings))}
    frames = [empty]
    kept: list[int] = []
    parts = [[index for index in lines if index not in faults]]
    while parts:
        part = parts.pop()
        frame = read_objects(b"\n".join(texts[index] for index in part), readings)
        if frame is not None:
            frames.append(frame.select(empty.columns))
            kept += part
        elif len(part) == 1:
            faults[part[0]] = "refused by the JSON reader"
        else:
            parts += [part[len(part) // 2 :], part[: len(part) // 2]]
    return pl.concat(frames), np.array(kept, np.int64), faults_in(faults)


class _Judge:
    """Says of one column's value what the dataframe library would not."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._paths = paths(column.name)
        dtype = native(column.type).base_type()
        self._range = _RANGES.get(dtype)
        self._kinds = _KINDS[dtype]

    def fault(self, item: dict[str, object]) -> str | None:
        for keys in self._paths:
            value: object = item
            for depth, key in enumerate(keys):
                if not isinstance(value, dict):
                    return f"column {self._column.name!r}: {'.'.join(keys[:depth])!r} is not an object"
                value = value.get(key)
                if value is None:
                    break
            if value is not None and self._kinds is not None and type(value) not in self._kinds:
                return f"column {self._column.name!r}: {shown(value)} is not {self._column.type}"
            if self._range and isinstance(value, int) and not self._range[0] <= value <= self._range[1]:
                return f"column {self._column.name!r}: {shown(value)} does not fit {self._column.type}"
        return None


def _fault(text: bytes, judges: Sequence[_Judge], readings: Sequence[Pass]) -> str | None:
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return not_utf8(text) or f"not JSON: {error}"
    if not isinstance(item, dict):
        return "not a JSON object"
    fault = next((fault for judge in judges if (fault := judge.fault(item))), None)
    # This parser takes the last value of a key that comes twice, the library the first: the library has the say.
    if fault and _has_twins(text, item) and read_objects(text, readings) is not None:
        return None
    return fault


def _has_twins(text: bytes, item: dict[str, object]) -> bool:
    if text.count(b":") == len(item):
        return False  # a key is followed by a colon: there are no more
    found = False

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal found
        item = dict(pairs)
        found = found or len(item) < len(pairs)
        return item

    json.loads(text, object_pairs_hook=look)
    return found
