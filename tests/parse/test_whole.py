"""Bytes: the shard as one record."""

import pickle
from dataclasses import replace

import polars as pl
import pytest

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, ChunkId, Column, Oversize, ParseSpec, Reject
from pipeline.parse.whole import WholeFormat

CHUNK = ChunkBytes(ChunkId((0,), 0), "cat.jpg", b"\xff\x00\n\xfe", 0, 1)


def format(*, line_column: bool = False) -> WholeFormat:
    columns = WholeFormat(ParseSpec("bytes")).infer(CHUNK)
    return WholeFormat(ParseSpec("bytes", columns=columns, line_column=line_column))


def test_a_shard_is_one_record_with_its_name() -> None:
    """Its bytes come through as they are, text or not."""
    batch = format(line_column=True).read(CHUNK)
    assert batch.frame.rows() == [("cat.jpg", b"\xff\x00\n\xfe", 0)]
    assert batch.frame.schema == {"name": pl.String, "data": pl.Binary, "_line": pl.Int64}
    assert (batch.records, batch.lines) == (1, 2)


def test_an_empty_shard_is_no_record() -> None:
    """And has the columns all the same."""
    batch = format(line_column=True).read(replace(CHUNK, data=b""))
    assert batch.records == 0
    assert batch.frame.schema == {"name": pl.String, "data": pl.Binary, "_line": pl.Int64}


def test_a_shard_that_is_too_long_is_a_reject() -> None:
    """It was not kept: only how it began."""
    batch = format().read(replace(CHUNK, data=b"", oversize=(Oversize(0, 0, 10**9, b"\xff\xd8", 7),)))
    assert batch.frame.height == 0
    assert batch.rejects == [Reject(0, 0, "longer than 8388608 bytes", "\\xff\\xd8")]
    assert batch.lines == 7


def test_its_columns_are_given() -> None:
    """Others are a mistake in the config."""
    with pytest.raises(ConfigError, match="bytes has its own"):
        WholeFormat(ParseSpec("bytes", columns=(Column("name", "string"),)))


def test_it_is_its_spec() -> None:
    """Pickled, it is equal."""
    assert pickle.loads(pickle.dumps(format())) == format() != format(line_column=True)
