"""Csv and tsv: a strict read of the whole chunk by the dataframe library, and a slow one for a chunk that fails it.

The library makes a short record into nulls and a blank line into a row of nulls, passes over a long record or stray
quotes where it was not asked for all columns, and names no line when a value is bad. So the fast path believes it only
where nothing of the kind can have happened (`_is_regular`); `csv_slow` takes the chunk apart otherwise. Both accept
exactly the same records: tests/parse/test_csv.py holds them to it.

A record has as many fields as the header, or as `columns` without one. Every field has to be delimited rightly, only
those of configured columns have to hold a value. A blank line is no record, unless the file has a single column: there
it is an empty field. An empty field is null; in a string column a quoted one is the empty string. `null_values` without
an empty text leave empty fields of string columns empty. Other null values are meant quoted, too. Blanks before a
number are passed over, those behind it are not; blanks alone are an empty field there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse import csv_slow
from pipeline.parse.csv_grammar import Grammar
from pipeline.parse.csv_layout import Layout, inferred_layout, layout_of
from pipeline.parse.csv_reader import Reader
from pipeline.parse.frames import arranged, empty
from pipeline.parse.infer import infer_columns
from pipeline.parse.records import count_byte, count_lines, split_records, with_lines
from pipeline.parse.reject_table import RejectTable, oversize_rejects
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True)
class Csv:
    """Delimited text. Raises ConfigError for a delimiter or quote that is not one ASCII character."""

    spec: ParseSpec

    def __post_init__(self) -> None:
        delimiter, quote = self.spec.delimiter, self.spec.quote
        if len(delimiter.encode()) != 1 or delimiter in "\r\n":
            raise ConfigError((f"parse.delimiter: {delimiter!r} is not one ASCII character",))
        if quote and (len(quote.encode()) != 1 or quote in "\r\n" or quote == delimiter):
            raise ConfigError((f"parse.quote: {quote!r} is not one ASCII character other than the delimiter",))

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """Every record of the chunk. Raises InputRefused for a header that cannot be used."""
        assert isinstance(chunk, ChunkBytes)
        spec = self.spec
        assert spec.columns is not None
        rejects = RejectTable(oversize_rejects(chunk, spec.max_record_bytes))
        if not chunk.data:
            return Batch(empty(spec), rejects, count_lines(chunk))
        layout = layout_of(spec, chunk)
        lines = count_lines(chunk)
        frame = self._fast(chunk, layout)
        if frame is None:
            frame, places, refused = csv_slow.read(chunk, self._reader(layout))
            rejects = RejectTable(rejects.frame, refused.frame)
        elif spec.line_column:
            # As many records as lines: none has two, none is missing.
            places = np.arange(lines) if lines == frame.height else split_records(chunk, spec.quote).lines
        frame = arranged(frame, spec.columns)
        frame = with_lines(frame, places) if spec.line_column else frame
        return Batch(frame, rejects, lines, layout.absent(spec), layout.ignored(spec))

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:
        """Names from the header, or column_1 and so on; for each the first of bool, int64, float64, date and datetime
        that holds every value of the sample, else string. Records that are no csv are passed over.

        Raises InputRefused for a header that cannot be read or has a name twice, and for a sample without a record
        where there is no header."""
        layout = inferred_layout(self.spec, chunk)
        frame, _, _ = csv_slow.read(chunk, self._reader(layout))
        return infer_columns(frame)

    def _reader(self, layout: Layout) -> Reader:
        spec = self.spec
        return Reader(Grammar(spec.delimiter, spec.quote, len(layout.names)), spec.null_values, layout)

    def _fast(self, chunk: ChunkBytes, layout: Layout) -> pl.DataFrame | None:
        """The wanted columns of the chunk, if it can be read as it is and nothing about it is doubtful."""
        # An extra empty field before the end of the data would go unnoticed without a newline behind it.
        data = chunk.data if chunk.data.endswith(b"\n") else chunk.data + b"\n"
        reader = self._reader(layout)
        frame = reader.strict(data)
        if frame is None or not self._is_regular(data, frame, reader):
            return None
        return reader.typed(frame, data)

    def _is_regular(self, data: bytes, frame: pl.DataFrame, reader: Reader) -> bool:
        """No record of `data`, which was read without complaint, is short, long, blank, or quoted in an odd way."""
        grammar = reader.grammar
        if grammar.quote and grammar.quote.encode() in data:
            return reader.all_regular(data)
        if grammar.width == 1:
            return True
        last = frame[reader.last]
        last_is_full = last.null_count() == 0 and not (last.dtype == pl.String and (last == "").any())
        if last_is_full and reader.reads_all:
            return True  # a long record would have raised
        if count_byte(data, grammar.delimiter) != frame.height * (grammar.width - 1):
            return False
        # The numbers agree. A short record could still make up for a long one, but only if it has a null in the last
        # column and the long one was passed over because not all columns were asked for.
        return last_is_full or reader.reads_all or reader.all_regular(data)
