"""json: one array of objects, an object a line; values as in `ndjson`. No rows: `[]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import polars as pl

from pipeline.sink.encoders.compression import member
from pipeline.sink.encoders.ndjson import NdjsonEncoder


class JsonEncoder(NdjsonEncoder):
    separator: ClassVar[bytes] = b",\n"
    epilogue: ClassVar[bytes] = b"\n]\n"

    def prologue(self, schema: pl.Schema) -> bytes:  # noqa: ARG002 - the same for every schema
        return b"[\n"

    def rows(self, frame: pl.DataFrame) -> bytes:
        # A newline stands only between objects: inside strings the writer escapes it.
        return super().rows(frame)[:-1].replace(b"\n", self.separator)

    def _pieces(self, segments: Sequence[str], schema: pl.Schema) -> Iterator[bytes | str]:
        return super()._pieces(segments, schema) if segments else iter([member(b"[]\n", self._compression)])
