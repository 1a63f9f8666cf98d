"""Fixed width: each column is so many characters of the line, in the order of `columns`.

Blanks around a value do not belong to it; one that is empty then, or one of `null_values`, is null. A line shorter
than all widths together is a reject. What a line has beyond them is not looked at: records often begin with a fixed
part. A header, where there is one, is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse.faults import faults_of, good_rows
from pipeline.parse.infer import infer_columns
from pipeline.parse.text import read_text, text_lines
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True)
class Fixed:
    """Lines in columns of fixed width. Raises ConfigError unless there are as many widths as columns."""

    spec: ParseSpec

    def __post_init__(self) -> None:
        columns, widths = self.spec.columns, self.spec.widths
        if not widths or any(width < 1 for width in widths):
            raise ConfigError(("parse.widths: the width of each column, in characters, is needed for fixed",))
        if columns is not None and len(columns) != len(widths):
            raise ConfigError((f"parse.widths: {len(widths)} widths for {len(columns)} columns",))

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:
        """column_1 and so on, with the narrowest type that holds every value of the sample."""
        names = [f"column_{place}" for place in range(1, len(self.spec.widths) + 1)]
        texts = text_lines(chunk).texts
        fields, faults = self._cut(texts, names)
        return infer_columns(fields.filter(good_rows(fields.height, faults)))

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """Every line."""
        assert isinstance(chunk, ChunkBytes)
        assert self.spec.columns is not None
        names = [column.name for column in self.spec.columns]
        return read_text(self.spec, chunk, lambda lines: self._cut(lines, names))

    def _cut(self, lines: pl.Series, names: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        widths = self.spec.widths
        line = pl.col("line")
        nulls = list(dict.fromkeys(["", *self.spec.null_values]))
        fields = lines.to_frame("line").select(
            line.str.slice(start, width).str.strip_chars(" ").replace(nulls, [None] * len(nulls)).alias(name)
            for name, start, width in zip(names, accumulate(widths, initial=0), widths, strict=False)
        )
        lengths = lines.str.len_chars()
        short = (lengths < sum(widths)).arg_true()
        reasons = lengths.gather(short).cast(pl.String) + f" characters, {sum(widths)} expected"
        return fields, faults_of(short, reasons)
