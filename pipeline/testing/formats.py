"""FormatContract: what a format promises of the chunks it reads. Subclass, give samples, inherit the tests.

Without it these would slip through: a short record that becomes a row of nulls, a reject whose line is off by the
quoted newline before it, a value that depends on the first one of its chunk, a chunk without records that has other
columns than one with, a byte that no test has thought of.
"""

from __future__ import annotations

import pickle
from abc import ABC
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, ChunkId, Oversize, ParseSpec, Reject
from pipeline.parse import format_of
from pipeline.parse.dtypes import dtype_of
from pipeline.protocols import Batch
from pipeline.testing.steps import LAWS

FIRST_BYTE = 1000
"""Where the chunks of the suite begin in their shard, so that a forgotten offset shows."""


def lines_of(data: bytes) -> int:
    """Physical lines in `data`; the last may lack its end."""
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def moved(batch: Batch, lines: int) -> tuple[pl.DataFrame, list[Reject]]:
    """Rows and rejects of a batch as those of a chunk that began `lines` lines earlier."""
    frame = batch.frame.with_columns(pl.col("_line") + lines)
    return frame, [replace(reject, line=reject.line + lines) for reject in batch.rejects]


class FormatContract(ABC):
    """What `protocols.Format` promises, for formats whose records end at newlines."""

    spec: ClassVar[ParseSpec]
    """With columns, and null values that the samples use."""
    header: ClassVar[bytes | None] = None
    good: ClassVar[Sequence[bytes]]
    """Records that are rows, without their newline: newlines inside, empty fields, non-ASCII text."""
    bad: ClassVar[Sequence[bytes]]
    """Records that are rejects, one by one."""

    def chunk(self, data: bytes, first_byte: int = FIRST_BYTE, oversize: Sequence[Oversize] = ()) -> ChunkBytes:
        return ChunkBytes(ChunkId((0,), 0), "shard", data, first_byte, 1, self.header, tuple(oversize))

    def read(self, chunk: ChunkBytes, *, lines: bool = True) -> Batch:
        return format_of(replace(self.spec, line_column=lines)).read(chunk)

    def expected_schema(self, *, lines: bool = True) -> pl.Schema:
        assert self.spec.columns is not None
        schema = {column.name: dtype_of(column.type) for column in self.spec.columns}
        return pl.Schema(schema | ({"_line": pl.Int64()} if lines else {}))

    def draw(self, data: st.DataObject) -> list[bytes]:
        """Records with their ends, good and bad ones mixed; the last may have none."""
        records = data.draw(st.lists(st.sampled_from([*self.good, *self.bad]), min_size=1, max_size=8))
        ended = [record + data.draw(st.sampled_from([b"\n", b"\r\n"])) for record in records]
        if ended[-1].strip(b"\r\n") and data.draw(st.booleans()):
            ended[-1] = records[-1]
        return ended

    def test_good_records_are_rows(self) -> None:
        """Every good sample is a row, in order; none is a reject."""
        data = b"".join(record + b"\n" for record in self.good)
        batch = self.read(self.chunk(data))
        assert batch.rejects == []
        assert batch.frame.height == len(self.good)
        assert batch.lines == lines_of(data)

    def test_a_bad_record_is_a_reject_with_its_place(self) -> None:
        """A record at fault is refused alone, with line, byte, reason and text; its neighbours are rows."""
        before, after = self.good[0] + b"\n", self.good[-1] + b"\n"
        for record in self.bad:
            batch = self.read(self.chunk(before + record + b"\n" + after))
            assert batch.frame.height == 2, record
            [reject] = batch.rejects
            assert (reject.line, reject.byte) == (lines_of(before), FIRST_BYTE + len(before))
            assert reject.reason
            assert reject.raw == record.decode("utf-8", "backslashreplace")

    def test_the_reason_is_the_same_wherever_the_record_stands(self) -> None:
        """A reject says the same alone, among good records and among bad ones."""
        together = self.read(self.chunk(b"".join(record + b"\n" for record in self.bad))).rejects
        alone = [self.read(self.chunk(record + b"\n")).rejects[0].reason for record in self.bad]
        assert [reject.reason for reject in together] == alone

    @LAWS
    @given(st.data())
    def test_every_record_is_a_row_or_a_reject(self, data: st.DataObject) -> None:
        """Law 7: rows and rejects together are the records, and the lines are the lines."""
        records = self.draw(data)
        batch = self.read(self.chunk(b"".join(records)))
        assert batch.records == len(records)
        assert batch.lines == sum(map(lines_of, records))
        assert len(batch.rejects) == sum(record.strip(b"\r\n") in self.bad for record in records)

    @LAWS
    @given(st.data())
    def test_cutting_does_not_matter(self, data: st.DataObject) -> None:
        """Law 2: the halves of a chunk that is cut between records give the rows and rejects of the whole."""
        records = self.draw(data)
        place = data.draw(st.integers(0, len(records)))
        head, tail = b"".join(records[:place]), b"".join(records[place:])
        whole = self.read(self.chunk(head + tail))
        first, second = self.read(self.chunk(head)), self.read(self.chunk(tail, FIRST_BYTE + len(head)))
        rows, rejects = moved(second, first.lines)
        assert_frame_equal(pl.concat([first.frame, rows]), whole.frame)
        assert [*first.rejects, *rejects] == whole.rejects
        assert first.lines + second.lines == whole.lines

    @LAWS
    @given(st.data())
    def test_an_oversize_record_is_a_reject_and_moves_what_follows(self, data: st.DataObject) -> None:
        """A record that was taken out of the data is a reject at its place; lines and bytes behind it count it."""
        records = self.draw(data)
        place = data.draw(st.integers(0, len(records) - 1))
        lines, length = data.draw(st.integers(1, 3)), data.draw(st.integers(5, 500))
        head, tail = b"".join(records[:place]), b"".join(records[place:])
        long = Oversize(FIRST_BYTE + len(head), lines_of(head), length, b"prefix", lines)
        batch = self.read(self.chunk(head + tail, oversize=[long]))
        first, second = self.read(self.chunk(head)), self.read(self.chunk(tail, FIRST_BYTE + len(head) + length + 1))
        rows, rejects = moved(second, first.lines + lines)
        reason = f"longer than {self.spec.max_record_bytes} bytes"
        assert_frame_equal(pl.concat([first.frame, rows]), batch.frame)
        assert batch.rejects == [*first.rejects, Reject(long.line, long.byte, reason, "prefix"), *rejects]
        assert batch.lines == first.lines + lines + second.lines

    @LAWS
    @given(st.binary(max_size=200), st.data())
    def test_no_bytes_break_it(self, noise: bytes, data: st.DataObject) -> None:
        """Any bytes are rows or rejects, or refused as a whole; the frame has its columns in every case."""
        records = b"".join(self.draw(data))
        place = data.draw(st.integers(0, len(records)))
        body = records[:place] + noise + records[place:]
        try:
            batch = self.read(self.chunk(body))
        except InputRefused:
            return
        assert batch.frame.schema == self.expected_schema()
        assert batch.lines == lines_of(body)
        places = [*batch.frame["_line"].to_list(), *(reject.line for reject in batch.rejects)]
        assert len(set(places)) == batch.records
        assert all(0 <= place < batch.lines for place in places)

    @LAWS
    @given(st.data())
    def test_the_columns_are_the_same_with_and_without_records(self, data: st.DataObject) -> None:
        """Names, order and types come from the spec, whatever the chunk holds; `_line` only if asked for."""
        records = b"".join(self.draw(data))
        for body in (b"", records, b"".join(record + b"\n" for record in self.bad)):
            assert self.read(self.chunk(body)).frame.schema == self.expected_schema()
            assert self.read(self.chunk(body), lines=False).frame.schema == self.expected_schema(lines=False)

    def test_nothing_is_read_from_nothing(self) -> None:
        """A chunk without data has no records and no lines."""
        batch = self.read(self.chunk(b""))
        assert (batch.records, batch.lines) == (0, 0)

    def test_it_is_its_spec(self) -> None:
        """A format survives pickling and equals one of an equal spec: it crosses to workers and is kept by value."""
        format = format_of(self.spec)
        assert pickle.loads(pickle.dumps(format)) == format == format_of(replace(self.spec))  # noqa: S301 - our own
        assert format != format_of(replace(self.spec, max_record_bytes=1))

    def test_what_is_inferred_reads_the_sample(self) -> None:
        """Columns come from the sample alone, the same each time, and refuse none of its good records."""
        sample = self.chunk(b"".join(record + b"\n" for record in self.good))
        bare = replace(self.spec, columns=None)
        columns = format_of(bare).infer(sample)
        assert columns == format_of(bare).infer(sample)
        assert format_of(replace(bare, columns=columns)).read(sample).rejects == []

    def test_inferring_from_bad_records_is_no_error(self) -> None:
        """A sample of nothing but bad records gives columns or is refused, as data is; it breaks nothing."""
        sample = self.chunk(b"".join(record + b"\n" for record in self.bad))
        with suppress(InputRefused):
            format_of(replace(self.spec, columns=None)).infer(sample)
