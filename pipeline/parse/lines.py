"""Lines: each line, blank or not, is a record of one column, `line`. Its end, LF or CRLF, does not belong to it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse.faults import first_faults
from pipeline.parse.text import read_text
from pipeline.protocols import Batch


@dataclass(frozen=True, slots=True)
class LinesFormat:
    """Lines of text. Raises ConfigError for a column of another name."""

    spec: ParseSpec

    def __post_init__(self) -> None:
        names = [column.name for column in self.spec.columns or ()]
        if names not in ([], ["line"]):
            raise ConfigError((f"parse.columns: lines have one column, 'line', not {', '.join(map(repr, names))}",))

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:  # noqa: ARG002 - known without looking
        return (Column("line", "string"),)

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """Every line. Only one that is not UTF-8, too long, or no value of the configured type is a reject."""
        assert isinstance(chunk, ChunkBytes)
        return read_text(self.spec, chunk, _cut)


def _cut(lines: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    return lines.alias("line").to_frame(), first_faults()
