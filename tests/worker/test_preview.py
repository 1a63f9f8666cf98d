"""The preview that a worker writes for the parent to show."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import orjson
import polars as pl
import pytest

from pipeline.errors import OutputError
from pipeline.worker.preview import LONGEST, write_preview


def written(frame: pl.DataFrame, path: Path) -> list[object]:
    write_preview(frame, str(path / "preview.json"))
    (row,) = orjson.loads((path / "preview.json").read_bytes())["rows"]
    return list(row)


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    """The parent reads the preview whole: ten values of 100 MB are none of its business. Characters are not split."""
    text, counts = "ö" * 5000, list(range(5000))
    frame = pl.DataFrame({"s": [text], "b": [b"x" * 5000], "n": [counts], "top": [[{"value": text, "count": 7}]]})
    short = "ö" * LONGEST
    expected = [short, str(b"x" * LONGEST), counts[:LONGEST], [{"value": short, "count": 7}]]
    assert written(frame, tmp_path) == expected


def test_other_values_are_what_they_were(tmp_path: Path) -> None:
    """Numbers and nothing as JSON has them, the rest as text."""
    frame = pl.DataFrame({"i": [2**62], "f": [0.5], "d": [dt.date(2024, 2, 29)], "m": [Decimal("1.50")], "z": [None]})
    assert written(frame, tmp_path) == [2**62, 0.5, "2024-02-29", "1.50", None]


def test_columns_without_text_and_frames_without_rows_are_written(tmp_path: Path) -> None:
    """The document has every column and its type, whatever there is to show."""
    write_preview(pl.DataFrame(schema={"n": pl.Int64}), str(tmp_path / "preview.json"))
    assert orjson.loads((tmp_path / "preview.json").read_bytes()) == {"columns": [["n", "int64"]], "rows": []}


def test_a_preview_that_cannot_be_written_is_an_error_of_the_place() -> None:
    """Exit code 73 with the path: a worker's OSError would be a failed function."""
    with pytest.raises(OutputError, match="/dev/full: cannot be written: No space left"):
        write_preview(pl.DataFrame({"a": [1]}), "/dev/full")
