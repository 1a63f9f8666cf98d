"""EncoderContract: what an encoder promises. Subclass, fill in what is abstract, inherit the tests.

The frames hold what files get wrong: quotes, line breaks, NaN, the largest integers, nulls inside lists, no rows.
"""

from __future__ import annotations

import datetime as dt
import itertools
import string
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import OutputError
from pipeline.protocols import Encoder
from pipeline.testing.steps import LAWS

_TEXT = st.text(
    st.one_of(st.sampled_from('",\n\r\\\t\0 {}[]é\u2028😀'), st.sampled_from(string.ascii_letters)), max_size=6
)
_WHEN = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001 - zones come with the columns
_COLUMNS: dict[str, tuple[pl.DataType, st.SearchStrategy[object]]] = {
    "text": (pl.String(), _TEXT),
    'odd "name",': (pl.String(), _TEXT),
    "bool": (pl.Boolean(), st.booleans()),
    "int8": (pl.Int8(), st.integers(-128, 127)),
    "int64": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint64": (pl.UInt64(), st.integers(0, 2**64 - 1)),
    "float64": (pl.Float64(), st.floats()),
    "float32": (pl.Float32(), st.floats(width=32)),
    "decimal": (pl.Decimal(20, 2), st.decimals(Decimal(-(10**17)), Decimal(10**17), places=2)),
    "date": (pl.Date(), st.dates()),
    "local": (pl.Datetime("us"), _WHEN),
    "utc": (pl.Datetime("ms", "UTC"), _WHEN.map(lambda when: when.replace(microsecond=0, tzinfo=dt.UTC))),
    "duration": (pl.Duration("us"), st.timedeltas(dt.timedelta(days=-400), dt.timedelta(days=400))),
    "bytes": (pl.Binary(), st.binary(max_size=4)),
    "list": (pl.List(pl.Float64()), st.lists(st.one_of(st.none(), st.floats()), max_size=3)),
    "top": (
        pl.List(pl.Struct({"value": pl.String(), "count": pl.Int64()})),
        st.lists(st.fixed_dictionaries({"value": st.one_of(st.none(), _TEXT), "count": st.integers(0, 9)}), max_size=2),
    ),
    "struct": (
        pl.Struct({"when": pl.Datetime("us"), "raw": pl.Binary()}),
        st.fixed_dictionaries({"when": st.one_of(st.none(), _WHEN), "raw": st.binary(max_size=2)}),
    ),
}

FRAMES: st.SearchStrategy[pl.DataFrame] = st.lists(
    st.fixed_dictionaries({name: st.one_of(st.none(), values) for name, (_, values) in _COLUMNS.items()}), max_size=6
).map(lambda rows: pl.DataFrame(rows, schema={name: dtype for name, (dtype, _) in _COLUMNS.items()}))
"""Frames with a column of every type that a result can have, and the values that files get wrong."""


class EncoderContract(ABC):
    """What `protocols.Encoder` promises."""

    cutting_matters: ClassVar[bool]
    """Whether the bytes of the output depend on where the segments were cut."""

    @abstractmethod
    def encoder(self) -> Encoder: ...

    @abstractmethod
    def check(self, path: str, frame: pl.DataFrame) -> None:
        """Asserts that an independent reader finds in the file what the frame holds."""

    def encode(self, parts: Sequence[pl.DataFrame], schema: pl.Schema) -> bytes:
        """The output file of these segments; `check`s it against all rows."""
        encoder = self.encoder()
        with tempfile.TemporaryDirectory() as folder:
            segments = [encoder.write(part, f"{folder}/{number}.segment") for number, part in enumerate(parts)]
            for segment, part in zip(segments, parts, strict=True):
                assert (segment.rows, segment.bytes) == (part.height, Path(segment.path).stat().st_size)
            encoder.join([segment.path for segment in segments], schema, f"{folder}/output")
            self.check(f"{folder}/output", pl.concat([schema.to_frame(), *parts]))
            return Path(folder, "output").read_bytes()

    @LAWS
    @given(frame=FRAMES, cuts=st.lists(st.integers(0, 6), max_size=3).map(sorted))
    def test_what_is_written_is_read_again(self, frame: pl.DataFrame, cuts: list[int]) -> None:
        """Any rows, cut anywhere (empty segments among them), come back from the joined file; a second time the same
        bytes; and bytes that do not depend on the cuts where the encoder says so."""
        bounds = [0, *(min(cut, frame.height) for cut in cuts), frame.height]
        parts = [frame[start:stop] for start, stop in itertools.pairwise(bounds)]
        first = self.encode(parts, frame.schema)
        assert self.encode(parts, frame.schema) == first
        if not self.cutting_matters:
            assert self.encode([frame], frame.schema) == first

    def test_no_segments_are_a_valid_file_without_rows(self) -> None:
        """A run over nothing gives a file that readers take."""
        schema = pl.Schema({name: dtype for name, (dtype, _) in _COLUMNS.items()})
        assert self.encode([], schema) == self.encode([schema.to_frame()], schema)

    def test_many_segments_of_one_row(self) -> None:
        """More segments than any reader would open at once."""
        rows = pl.DataFrame({"number": range(300), "text": [f"line {number}\n" for number in range(300)]})
        self.encode(list(rows.iter_slices(1)), rows.schema)

    @pytest.mark.parametrize("values", [["", None, "x"], [None, None], [""]])
    def test_one_column_keeps_its_rows(self, values: list[str | None]) -> None:
        """A row that is all null or all empty is still a row."""
        frame = pl.DataFrame({"only": values}, schema={"only": pl.String()})
        self.encode([frame[:1], frame[1:]], frame.schema)

    def test_more_rows_than_a_block(self) -> None:
        """A large frame is written in blocks that leave no seam."""
        frame = pl.DataFrame({"number": pl.arange(70_000, eager=True)})
        self.encode([frame], frame.schema)

    def test_a_place_that_cannot_be_written_is_an_output_error(self, tmp_path: Path) -> None:
        """Foreign errors are translated where they arise, with the path in the message."""
        frame = pl.DataFrame({"number": [1]})
        path = str(tmp_path / "missing" / "file")
        with pytest.raises(OutputError, match="missing"):
            self.encoder().write(frame, path)
        with pytest.raises(OutputError, match="missing"):
            self.encoder().join([], frame.schema, path)

    def test_a_full_disk_is_an_output_error(self) -> None:
        """ENOSPC comes with the remedy, at the last byte as at the first."""
        if not Path("/dev/full").exists():
            pytest.skip("needs /dev/full")
        frame = pl.DataFrame({"number": range(100_000)})
        with pytest.raises(OutputError, match="No space left"):
            self.encoder().write(frame, "/dev/full")
