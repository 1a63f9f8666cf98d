"""Lines: the contract, and where a line ends."""

import pytest

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec
from pipeline.parse.lines import LinesFormat
from pipeline.testing.formats import FormatContract

LINE = (Column("line", "string"),)


class TestLinesContract(FormatContract):
    spec = ParseSpec("lines", columns=LINE)
    good = (b"a", b"", b" ", '"é'.encode(), b"\x00", b"a\rb", b"\xef\xbb\xbfx")
    bad = (b"\xff", b"a\xc3", b"\xed\xa0\x80")


class TestTypedLinesContract(FormatContract):
    """A file of numbers, one a line."""

    spec = ParseSpec("lines", columns=(Column("line", "int16"),))
    good = (b"1", b"", b"-5")
    bad = (b"x", b"1 ", b"99999", b"\xff")


def test_the_end_of_a_line_does_not_belong_to_it() -> None:
    """LF and CRLF are ends, a carriage return anywhere else is text; the last line may lack its end."""
    chunk = ChunkBytes(ChunkId((0,), 0), "a.txt", b"a\r\nb\r\r\n\n\rc\r\nd", 0, 1)
    batch = LinesFormat(ParseSpec("lines", columns=LINE)).read(chunk)
    assert batch.frame["line"].to_list() == ["a", "b\r", "", "\rc", "d"]


def test_lines_have_one_column() -> None:
    """Another name is a mistake in the config."""
    with pytest.raises(ConfigError, match="lines have one column, 'line', not 'text'"):
        LinesFormat(ParseSpec("lines", columns=(Column("text", "string"),)))
