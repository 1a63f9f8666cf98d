"""The dataframe library's csv reader, as strict as it gets: what it is told, and what has to be looked at afterwards.

Columns go by their place in the file, as text ("0", "1", ...), so that no name in a header can get in the way.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import polars as pl

from pipeline.parse.convert import convert, finite, refused
from pipeline.parse.csv_grammar import Grammar
from pipeline.parse.csv_layout import Layout
from pipeline.parse.dtypes import dtype_of

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads text in which records end with a newline."""

    grammar: Grammar
    null_values: tuple[str, ...]
    layout: Layout

    @property
    def last(self) -> str:
        """The last column of the file. It is always read: a short record shows there."""
        return str(self.grammar.width - 1)

    @property
    def reads_all(self) -> bool:
        """Every column is read, so that a long record raises."""
        return len(self._places()) == self.grammar.width

    def strict(self, data: bytes) -> pl.DataFrame | None:
        """The wanted columns and the last, those that the reader cannot make strictly as text; None if it complains."""
        try:
            return self._read(
                data, self._places(), {place: _native(column.type) for place, column in self.layout.wanted}
            )
        except pl.exceptions.PolarsError:
            return None

    def typed(self, frame: pl.DataFrame, data: bytes) -> pl.DataFrame | None:
        """The wanted columns of a frame that `strict` has read from `data`, by name and with their types; None if a
        value is refused."""
        columns: list[pl.Series] = []
        for place, column in self.layout.wanted:
            values = frame[str(place)]
            if values.dtype.is_float() and values.is_infinite().any():
                text = self._read(data, [place], {})[str(place)]
                values = finite(values, text)
                if refused(text, values).any():
                    return None
            elif values.dtype == pl.String and column.type != "string":
                text, values = values, convert(values, column.type)
                if refused(text, values).any():
                    return None
            columns.append(values.alias(column.name))
        return pl.DataFrame(columns)

    def lenient(self, data: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The wanted columns by name: as text, and with their types, null where a value is refused. `data` consists of
        regular records."""
        places = [place for place, _ in self.layout.wanted]
        texts = self._read(data, places, {})
        native = {place: _native(column.type) for place, column in self.layout.wanted}
        frame = self._read(data, places, native, ignore_errors=True)
        columns = []
        for place, column in self.layout.wanted:
            text, values = texts[str(place)], frame[str(place)]
            if values.dtype.is_numeric():  # blanks before a number are nothing, blanks alone an empty field
                text = text.str.strip_chars_start(" \t")
                texts = texts.with_columns(text)
            if values.dtype.is_float():
                values = finite(values, text)
            elif values.dtype == pl.String:
                values = convert(values, column.type)
            columns.append(values.alias(column.name))
        names = {str(place): column.name for place, column in self.layout.wanted}
        return texts.rename(names), pl.DataFrame(columns)

    def all_regular(self, data: bytes) -> bool:
        """Every record has its fields and quotes stand only around them. One look at every byte."""
        try:
            text = pl.Series([data], dtype=pl.Binary).cast(pl.String)
            return bool(text.str.contains(self.grammar.all_regular()).item())
        except pl.exceptions.PolarsError:  # too many columns for the engine: then record by record
            return False

    def _places(self) -> list[int]:
        return sorted({place for place, _ in self.layout.wanted} | {self.grammar.width - 1})

    def _read(
        self, data: bytes, places: list[int], types: dict[int, pl.DataType], *, ignore_errors: bool = False
    ) -> pl.DataFrame:
        width = self.grammar.width
        # A byte order mark in the middle of a shard is text, but the reader drops one that begins its input.
        data = _BOM + data if data.startswith(_BOM) else data
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a row count that `Csv` checks for itself
            return pl.read_csv(
                data,
                has_header=False,
                schema={str(place): types.get(place, pl.String()) for place in range(width)},
                columns=None if len(places) == width else places,
                separator=self.grammar.delimiter,
                quote_char=self.grammar.quote or None,
                null_values=[value for value in self.null_values if value] or None,
                empty_string_is_null="" in self.null_values,
                ignore_errors=ignore_errors,
                glob=False,
            )


def _native(type: str) -> pl.DataType:
    """What to ask the reader for. Of dates it would guess the format from the first, of decimals it would cut digits
    off, durations it does not know: they come as text."""
    dtype = dtype_of(type)
    return dtype if dtype.is_integer() or dtype.is_float() or dtype == pl.Boolean else pl.String()
