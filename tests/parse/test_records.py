"""Where records lie: starts, lines and bytes, with quotes and with records taken out."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import ChunkBytes, ChunkId, Oversize
from pipeline.parse.records import Records, count_lines, split_records
from pipeline.parse.reject_table import rejected


def chunk(data: bytes, *oversize: Oversize, first_byte: int = 100) -> ChunkBytes:
    return ChunkBytes(ChunkId((0,), 0), "a", data, first_byte, 1, oversize=oversize)


def refused(records: Records) -> pl.DataFrame:
    index = np.arange(len(records))
    return rejected(records, index, pl.Series(["why"]).new_from_index(0, len(records)))


def simply_split(data: bytes, quote: bytes) -> list[bytes]:
    """The definition, a byte at a time: a newline ends a record if the quotes before it are even in number."""
    records, start, quotes = [], 0, 0
    for at in range(len(data)):
        byte = data[at : at + 1]
        quotes += byte == quote
        if byte == b"\n" and quotes % 2 == 0:
            records.append(data[start:at])
            start = at + 1
    return [*records, data[start:]] if start < len(data) else records


@given(
    st.lists(st.sampled_from([b"\n", b'"', b"a", b"\r", b","]), max_size=30).map(b"".join), st.sampled_from(['"', ""])
)
def test_records_are_split_as_defined(data: bytes, quote: str) -> None:
    """Law 2's rule, byte by byte, finds the same records, on the same lines."""
    records = split_records(chunk(data), quote)
    expected = simply_split(data, quote.encode())
    assert records.texts() == [record.removesuffix(b"\r") for record in expected]
    assert records.lines.tolist() == [data[:start].count(b"\n") for start in records.starts.tolist()]


def test_a_record_taken_out_moves_what_follows() -> None:
    """Its bytes with a newline, and its lines."""
    long = Oversize(byte=102, line=1, length=50, prefix=b"x", lines=3)
    longer = Oversize(byte=155, line=5, length=10, prefix=b"y")
    part = chunk(b"a\nb\nc\n", long, longer)
    records = split_records(part)
    assert records.lines.tolist() == [0, 4, 6]
    assert refused(records)["byte"].to_list() == [100, 153, 166]
    assert count_lines(part) == 7


def test_a_record_taken_out_ahead_of_the_data_moves_lines_only() -> None:
    """Where `first_byte` is that of the data, not of the record that was taken out."""
    records = split_records(chunk(b"a\n", Oversize(0, 0, 50, b"x", 2)))
    assert refused(records).rows() == [(2, 100, "why", "a")]
