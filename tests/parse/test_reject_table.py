"""Rejects as a table: what they say is what single ones say."""

import polars as pl
import pytest

from pipeline.model import ChunkBytes, ChunkId, Reject
from pipeline.parse.records import BATCH, split_records
from pipeline.parse.reject_table import RejectTable, raw_text, rejected


def test_the_text_of_a_reject_is_text_whatever_it_was() -> None:
    """Undecodable bytes show as escapes; whole characters, at most 4,096 of them."""
    assert raw_text(b"a\xff\xc3\xa9") == "a\\xffé"
    assert raw_text("😀".encode() * 5000) == "😀" * 4096


@pytest.mark.parametrize("odd", [b"\xff", "😀".encode() * 5000, b"a\r", b""])
def test_texts_of_many_are_those_of_each(odd: bytes) -> None:
    """A record that is not UTF-8, long or empty changes nothing about the others of its batch."""
    lines = [b"x"] * BATCH + [odd] + ["é".encode()] * 3
    records = split_records(ChunkBytes(ChunkId((0,), 0), "a", b"\n".join(lines) + b"\n", 0, 1))
    index = pl.int_range(len(lines), eager=True).to_numpy()
    found = rejected(records, index, pl.Series(["why"]).new_from_index(0, len(lines)))
    assert found["raw"].to_list() == [raw_text(line.removesuffix(b"\r")) for line in lines]


def test_a_table_is_a_sequence_of_rejects() -> None:
    """As they stand in the shard: equal to a list of them, and sliced like one."""
    one, two = Reject(3, 9, "x", "y"), Reject(0, 1, "z", "")
    table = RejectTable.of([one, two])
    assert table == [two, one]
    assert (len(table), table[0], table[-1]) == (2, two, one)
    assert table[1:] == [one]
    assert RejectTable.of([]) == []
    assert not RejectTable.of([])
