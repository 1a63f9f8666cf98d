"""The first records of a chunk: rows and rejects in the order of the file."""

import pytest

from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec
from pipeline.parse import format_of
from pipeline.worker.head import first_records

SPEC = ParseSpec("csv", columns=(Column("x", "int32"), Column("y", "string")))
CHUNK = ChunkBytes(ChunkId((0,), 0), "a", b'1,a\nbad,b\n2,"c\nc"\nbad,d\n3,e\n', 0, 2, b"x,y")


@pytest.mark.parametrize(
    ("most", "rows", "rejects"),
    [(1, [1], 0), (2, [1], 1), (3, [1, 2], 1), (4, [1, 2], 2), (5, [1, 2, 3], 2), (9, [1, 2, 3], 2)],
)
def test_a_head_is_what_the_chunk_would_give_if_it_ended_there(most: int, rows: list[int], rejects: int) -> None:
    """Rejects count as records, and those behind the last record are not met."""
    batch = first_records(SPEC, CHUNK, format_of(SPEC).read(CHUNK), most)
    assert (batch.frame["x"].to_list(), len(batch.rejects)) == (rows, rejects)
    assert batch.frame.columns == ["x", "y"]
