"""Bytes: the shard as one record, with its name and its content as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse.frames import empty
from pipeline.parse.records import count_lines, with_lines
from pipeline.parse.reject_table import RejectTable, oversize_rejects
from pipeline.protocols import Batch

_COLUMNS = (Column("name", "string"), Column("data", "binary"))


@dataclass(frozen=True, slots=True)
class WholeFormat:
    """The shard as one record. Its columns are known: raises ConfigError for others."""

    spec: ParseSpec

    def __post_init__(self) -> None:
        if self.spec.columns not in (None, _COLUMNS):
            raise ConfigError(("parse.columns: bytes has its own, name and data",))

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:  # noqa: ARG002 - known without looking
        return _COLUMNS

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """One record; none of an empty shard. A shard that is too long is a reject."""
        assert isinstance(chunk, ChunkBytes)
        rejects = RejectTable(oversize_rejects(chunk, self.spec.max_record_bytes))
        frame = pl.DataFrame({"name": [chunk.shard_name], "data": [chunk.data]}, {"name": pl.String, "data": pl.Binary})
        if self.spec.line_column:
            frame = with_lines(frame, np.zeros(1, np.int64))
        return Batch(frame if chunk.data else empty(self.spec), rejects, count_lines(chunk))
