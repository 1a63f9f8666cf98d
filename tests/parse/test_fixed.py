"""Fixed width: the contract, and how a line is cut."""

import pytest

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec
from pipeline.parse.fixed import Fixed
from pipeline.testing.formats import FormatContract

SPEC = ParseSpec(
    "fixed",
    header=False,
    columns=(Column("name", "string"), Column("temp", "int16"), Column("day", "datetime(%Y%m%d)")),
    widths=(6, 5, 8),
    null_values=("+9999",),
)


class TestFixedContract(FormatContract):
    spec = SPEC
    good = (b"Ada     -7820261122", "Zoë   +999920261122".encode(), b" " * 19, b"Ada   -007820261122 and more")
    bad = (
        b"",
        b"Ada     -782026112",
        b"Ada    7.820261122",
        b"Ada   4000020261122",
        b"Ada     -7820261322",
        b"\xff" * 19,
    )


def test_a_line_is_cut_by_characters() -> None:
    """Not by bytes; blanks around a value are no part of it, and what lies behind the last column is not looked at."""
    chunk = ChunkBytes(ChunkId((0,), 0), "noaa", "Zoë B   +7820261122xyz\r\nA     +999920261122\n".encode(), 0, 1)
    batch = Fixed(SPEC).read(chunk)
    assert batch.frame.select("name", "temp").rows() == [("Zoë B", 78), ("A", None)]


def test_a_short_line_says_how_short() -> None:
    """Characters found and expected."""
    [reject] = Fixed(SPEC).read(ChunkBytes(ChunkId((0,), 0), "noaa", "Zoë\n".encode(), 0, 1)).rejects
    assert reject.reason == "3 characters, 19 expected"


@pytest.mark.parametrize("widths", [(), (6, 5), (6, 5, 0)])
def test_every_column_has_a_width(widths: tuple[int, ...]) -> None:
    """One of at least a character for each."""
    with pytest.raises(ConfigError, match="widths"):
        Fixed(ParseSpec("fixed", columns=SPEC.columns, widths=widths))
