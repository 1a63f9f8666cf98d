"""Ndjson: a JSON object a line. The dataframe library reads the chunk; one that it refuses, `ndjson_slow` takes apart.

A column is a key, or a path of keys with dots (`json_paths`); missing is null. A string column takes any value: what is
no string, as its JSON text (in the library's spelling: 1.0 is `1`, an object `{"a": 1}`). Integers must be written as
integers, floats as numbers, bool as true or false; date, datetime, duration and decimal as text that `convert` accepts,
a decimal also as a number, exactly. Of a key that an object has twice the first one counts. Blank lines are no records.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse import ndjson_slow
from pipeline.parse.batch import batch_of
from pipeline.parse.convert import convert
from pipeline.parse.dtypes import dtype_of
from pipeline.parse.faults import first_faults, value_faults
from pipeline.parse.json_infer import infer_objects
from pipeline.parse.json_paths import as_text, first_of_each, look_up, passes
from pipeline.parse.ndjson_slow import not_blank, read_surely
from pipeline.parse.records import Positions, count_lines, split_records
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True)
class Ndjson:
    """JSON objects, one a line."""

    spec: ParseSpec

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:
        """The keys in the order in which they come, those of objects with their path; lists and mixtures as text."""
        return infer_objects(chunk)

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """Every line that is not blank."""
        assert isinstance(chunk, ChunkBytes)
        columns = self.spec.columns
        assert columns is not None
        readings = passes(columns)
        index: Positions | None = None
        unread = first_faults()
        frame = read_surely(chunk.data, readings)
        if frame is None:
            frame, index, unread = ndjson_slow.read(chunk, columns, readings)
        decimals = [column for column in columns if isinstance(dtype_of(column.type), pl.Decimal)]
        if decimals:
            frame = frame.with_columns(_exact_texts(chunk, index, decimals))
        values, faults = _typed(frame, columns)
        if index is None and (len(faults) or self.spec.line_column) and values.height != count_lines(chunk):
            index = not_blank(split_records(chunk).texts())
        batch = batch_of(self.spec, chunk, values, faults, unread, index=index)
        if batch.frame.height:
            batch.absent = tuple(c.name for c in columns if batch.frame[c.name].null_count() == batch.frame.height)
        return batch


def _typed(frame: pl.DataFrame, columns: tuple[Column, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frame with the types of `columns`, and the rows in which a value is refused."""
    values: list[pl.Series] = []
    texts: list[pl.Series] = []
    for column in columns:
        read, dtype = frame[column.name], dtype_of(column.type)
        if read.dtype == dtype:
            values.append(read)
            continue
        if read.dtype.is_numeric() and dtype.is_numeric():
            narrowed = read.cast(dtype, strict=False)
            if narrowed.null_count() == read.null_count() and not (dtype.is_float() and narrowed.is_infinite().any()):
                values.append(narrowed)
                continue
        text = read.cast(pl.String)
        values.append(convert(text, column.type))
        texts.append(text)
    found = pl.DataFrame(values)
    converted = [column for column in columns if column.name in {text.name for text in texts}]
    return found, value_faults(pl.DataFrame(texts), found, converted)


def _exact_texts(chunk: ChunkBytes, index: Positions | None, columns: list[Column]) -> list[pl.Series]:
    """The values of decimal columns as they are written: the library has made floats of the numbers."""
    texts = split_records(chunk).texts()
    rows = not_blank(texts) if index is None else index
    objects = [
        json.loads(texts[row], parse_float=str, parse_int=str, object_pairs_hook=first_of_each) for row in rows.tolist()
    ]
    return [
        pl.Series(column.name, [as_text(look_up(item, column.name)) for item in objects], dtype=pl.String)
        for column in columns
    ]
