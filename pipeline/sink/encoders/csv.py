"""csv: RFC 4180, one header, `\\n` at the end of each record.

- null is the empty field, the empty string is `""`; in a table of one column null is `""` too, since a blank line is
  no record to most readers
- a field is quoted where it holds a comma, a quote or a line break; a quote inside is doubled
- floats in the fewest digits that read back to the same value; NaN is `NaN`, infinity `inf` and `-inf`
- lists and structs as JSON text; datetimes, durations and bytes as in `values`
"""

from __future__ import annotations

import io

import polars as pl

from pipeline.sink.encoders.text import TextEncoder
from pipeline.sink.encoders.values import as_text, nested_as_json


class CsvEncoder(TextEncoder):
    def prologue(self, schema: pl.Schema) -> bytes:
        return _csv(pl.DataFrame(schema=dict.fromkeys(schema, pl.String())), header=True)

    def rows(self, frame: pl.DataFrame) -> bytes:
        return _csv(nested_as_json(as_text(frame)), header=False)


def _csv(frame: pl.DataFrame, *, header: bool) -> bytes:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=header, null_value='""' if frame.width == 1 else None)
    return buffer.getvalue()
