"""ndjson: one JSON object a line, UTF-8.

- null, NaN and the infinities are `null`: JSON has no other word for them
- integers exactly, all 64 bits; floats in the fewest digits that read back to the same value
- decimals as strings with all their digits: a JSON number would be read as a float by most
- lists and structs nested; dates `2020-01-31`; datetimes, durations and bytes as in `values`
"""

from __future__ import annotations

import io

import polars as pl

from pipeline.sink.encoders.text import TextEncoder
from pipeline.sink.encoders.values import as_text


class NdjsonEncoder(TextEncoder):
    def rows(self, frame: pl.DataFrame) -> bytes:
        buffer = io.BytesIO()
        as_text(frame).write_ndjson(buffer)
        return buffer.getvalue()
