"""Rejects as a table: a chunk in which every record is bad costs four columns, not an object a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import polars as pl

from pipeline.model import ChunkBytes, Reject
from pipeline.parse.records import BATCH, Positions, Records

RAW_CHARACTERS = 4096
"""The most of a record's text that a reject carries."""

_SCHEMA = pl.Schema({"line": pl.Int64(), "byte": pl.Int64(), "reason": pl.String(), "raw": pl.String()})


class RejectTable(Sequence[Reject]):
    """The rejects of a chunk as they stand in the shard; equal to any sequence of the same ones."""

    __slots__ = ("frame",)

    def __init__(self, *frames: pl.DataFrame) -> None:
        """Of tables with the fields of a reject as columns, in any order of rows."""
        frame = pl.concat([_SCHEMA.to_frame(), *frames])
        # Sorting makes a copy, which may be larger than the chunk.
        self.frame = frame if frame["byte"].is_sorted() else frame.sort("byte", maintain_order=True)

    @classmethod
    def of(cls, rejects: Iterable[Reject]) -> RejectTable:
        """A table of single rejects."""
        if isinstance(rejects, RejectTable):
            return rejects
        rows = [(reject.line, reject.byte, reject.reason, reject.raw) for reject in rejects]
        return cls(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[Reject]:
        return (Reject(*row) for row in self.frame.iter_rows())

    @overload
    def __getitem__(self, place: int) -> Reject: ...
    @overload
    def __getitem__(self, place: slice) -> RejectTable: ...
    def __getitem__(self, place: int | slice) -> Reject | RejectTable:
        return RejectTable(self.frame[place]) if isinstance(place, slice) else Reject(*self.frame.row(place))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


def rejected(records: Records, index: Positions, reasons: pl.Series) -> pl.DataFrame:
    """Some of the records as rejects."""
    byte = records.chunk.first_byte + records.starts[index] + records.shifts[index]
    places = pl.DataFrame({"line": records.lines[index], "byte": byte})
    return places.with_columns(reasons.alias("reason"), _raw_texts(records.column(index)).alias("raw"))


def oversize_rejects(chunk: ChunkBytes, max_record_bytes: int) -> pl.DataFrame:
    """A reject for each record that was too long to be read."""
    reason = f"longer than {max_record_bytes} bytes"
    rows = [(record.line, record.byte, reason, raw_text(record.prefix)) for record in chunk.oversize]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def raw_text(text: bytes) -> str:
    """A record as a reject shows it."""
    return text[: 4 * RAW_CHARACTERS].decode("utf-8", "backslashreplace")[:RAW_CHARACTERS]


def _raw_texts(texts: pl.Series) -> pl.Series:
    """`raw_text` of each: one by one only in a batch with one that is not UTF-8."""
    shown = [pl.Series([], dtype=pl.String)]
    for at in range(0, len(texts), BATCH):
        batch = texts[at : at + BATCH]
        try:
            shown.append(batch.cast(pl.String).str.head(RAW_CHARACTERS))
        except pl.exceptions.PolarsError:
            shown.append(pl.Series(map(raw_text, batch), dtype=pl.String))
    return pl.concat([part.alias("raw") for part in shown])
