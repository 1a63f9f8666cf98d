"""Parquet: a chunk is a row group, read by pyarrow. Columns go by name, whatever their order in the file.

There are no rejects: the file says what its values are. A configured type that differs from the file's is cast, and a
value that does not fit is an error of the whole input (exit 65). A column that the file lacks is null. Times of any
unit become microseconds, those with a zone UTC; dictionaries become plain columns; lists, structs and maps are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import CorruptInput, InputMissing, InputRefused
from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse.arrow_types import plain_type
from pipeline.parse.convert import convert, refused
from pipeline.parse.dtypes import dtype_of
from pipeline.parse.frames import arranged, origin
from pipeline.parse.records import shown, with_lines
from pipeline.parse.reject_table import RejectTable
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True)
class Parquet:
    """Row groups of parquet files. Errors do not name the file: it may be a copy, whoever reads knows its name."""

    spec: ParseSpec

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:
        """Not from bytes: a parquet file says its types at its end. `infer_file` reads them."""
        raise InputRefused(f"{chunk.shard_name}: the types of a parquet file are read from the file, not from a sample")

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """The rows of one group. Raises CorruptInput for a damaged file; InputRefused for one that has none of the
        configured columns, for a nested column, and for a value that does not fit its type."""
        assert isinstance(chunk, Rows)
        columns = self.spec.columns
        assert columns is not None
        with _opened(chunk.path) as file:
            schema = file.schema_arrow
            present = [column for column in columns if column.name in schema.names]
            if not present:
                names = ", ".join(map(repr, schema.names[:20]))
                raise InputRefused(f"none of {origin(self.spec)} is in the file", f"It has {names}.")
            for column in present:
                _type(_field(schema, column.name))
            table = file.read_row_group(chunk.group, columns=[column.name for column in present], use_threads=False)
        series = [_typed(table.column(column.name), column) for column in present]
        frame = arranged(pl.DataFrame(series), columns)
        if self.spec.line_column:
            frame = with_lines(frame, np.arange(frame.height))
        absent = tuple(column.name for column in columns if column not in present)
        wanted = {column.name for column in columns}
        ignored = tuple(name for name in schema.names if name not in wanted) if self.spec.inferred else ()
        return Batch(frame, RejectTable(), frame.height, absent, ignored)


def row_groups(path: str) -> tuple[tuple[int, int], ...]:
    """The rows of each row group, and its bytes before compression. Raises CorruptInput for a damaged file."""
    with _opened(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        return tuple((group.num_rows, group.total_byte_size) for group in groups)


def infer_file(path: str) -> tuple[Column, ...]:
    """The columns of a file, with its own types. Raises CorruptInput for a damaged file, InputRefused for a column of
    a type that is not supported."""
    with _opened(path) as file:
        schema = file.schema_arrow
        return tuple(Column(name, _type(_field(schema, name))) for name in schema.names)


def _type(field: pa.Field) -> str:
    try:
        return plain_type(field.type)[1]
    except ValueError as error:
        raise InputRefused(f"column {field.name!r} is {field.type}, which is not supported") from error


@contextmanager
def _opened(path: str) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except FileNotFoundError as error:
        raise InputMissing("no such file") from error
    except (pa.ArrowException, OSError) as error:
        raise CorruptInput(f"not a whole parquet file: {error}") from error


def _field(schema: pa.Schema, name: str) -> pa.Field:
    if schema.names.count(name) > 1:
        raise InputRefused(f"the file has column {name!r} more than once")
    return schema.field(name)


def _typed(values: pa.ChunkedArray, column: Column) -> pl.Series:
    """The values as a series of the configured type. Raises InputRefused for one that would not come through whole."""
    plain, _ = plain_type(values.type)
    try:
        series = pl.Series(column.name, values.cast(plain, safe=not pa.types.is_temporal(plain)))
        return _cast(series, column.type)
    except (pa.ArrowInvalid, pl.exceptions.PolarsError) as error:
        raise InputRefused(f"column {column.name!r} cannot be {column.type}: {error}") from error


def _cast(values: pl.Series, type: str) -> pl.Series:
    dtype = dtype_of(type)
    if values.dtype == dtype:
        return values
    if values.dtype == pl.String:
        cast = convert(values, type)
        lost = refused(values, cast)
    else:
        cast = values.cast(dtype, strict=False)
        # Rounding to a shorter float is what was asked for; anything else has to survive the way back.
        back = values if dtype.is_float() else cast.cast(values.dtype, strict=False)
        lost = (cast.is_null() & values.is_not_null()) | (back != values)
        if dtype.is_float() and values.dtype.is_float():
            lost |= cast.is_infinite() & values.is_finite()
    if lost.any():
        raise pl.exceptions.InvalidOperationError(f"{shown(values.filter(lost)[0])} does not fit")
    return cast
