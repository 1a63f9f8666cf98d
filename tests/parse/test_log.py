"""Access logs: the contract, and what becomes of odd requests."""

from datetime import datetime

import pytest

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec
from pipeline.parse.log import Log
from pipeline.testing.formats import FormatContract

ALL = Log(ParseSpec("log")).infer(ChunkBytes(ChunkId((0,), 0), "a.log", b"", 0, 1))
COMMON = b'in24.inetnebr.com - - [01/Aug/1995:00:00:01 -0400] "GET /shuttle/missions/ HTTP/1.0" 200 1839'
COMBINED = (
    b'127.0.0.1 - frank [10/Oct/2000:13:55:36 +0200] "POST /a?b=c HTTP/1.1" 404 - "http://x/" "Mozilla/4.08 (X11; I)"'
)


class TestLogContract(FormatContract):
    spec = ParseSpec("log", columns=ALL)
    good = (
        COMMON,
        COMBINED,
        b'h - bob smith [01/Aug/1995:00:00:01 +0000] "GET /a "b" c" 200 1 "-" "say "hi""',
        b'h - - [01/Aug/1995:00:00:01 +0000] "" 400 -',
        'h - - [01/Aug/1995:00:00:01 +0000] "GET /é HTTP/1.0" 200 7 '.encode(),
    )
    bad = (
        b"",
        b"nonsense",
        COMMON.replace(b"Aug", b"Agu"),
        COMMON.replace(b" 200", b" 20"),
        COMMON.replace(b"1839", b"99999999999999999999"),
        COMMON.replace(b"shuttle", b"\xff"),
        COMMON + b' "only a referer"',
    )


def rows(line: bytes, *columns: Column) -> list[dict[str, object]]:
    chunk = ChunkBytes(ChunkId((0,), 0), "access.log", line, 0, 1)
    return Log(ParseSpec("log", columns=columns or ALL)).read(chunk).frame.to_dicts()


def test_a_common_line_has_its_fields() -> None:
    """Hyphens are nulls, the time is UTC, what only the combined format has is null."""
    assert rows(COMMON) == [
        {
            "host": "in24.inetnebr.com",
            "ident": None,
            "user": None,
            "time": datetime(1995, 8, 1, 4, 0, 1),  # noqa: DTZ001 - our datetimes carry no zone
            "method": "GET",
            "path": "/shuttle/missions/",
            "protocol": "HTTP/1.0",
            "status": 200,
            "bytes": 1839,
            "referer": None,
            "user_agent": None,
        }
    ]


def test_a_combined_line_has_two_more() -> None:
    """Common and combined lines may stand in one file."""
    [row] = rows(COMBINED)
    assert (row["user"], row["bytes"]) == ("frank", None)
    assert (row["referer"], row["user_agent"]) == ("http://x/", "Mozilla/4.08 (X11; I)")


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (b"GET /x", ("GET", "/x", None)),
        (b"GET /a b HTTP/1.0", ("GET", "/a b", "HTTP/1.0")),
        (b"GET  /x  HTTP/1.0 ", ("GET", "/x", "HTTP/1.0")),
        (b'GET /"q" HTTP/1.0', ("GET", '/"q"', "HTTP/1.0")),
        (b"\\x16\\x03\\x01", (None, "\\x16\\x03\\x01", None)),
        (b"-", (None, None, None)),
    ],
)
def test_an_odd_request_is_kept(request_line: bytes, expected: tuple[str | None, ...]) -> None:
    """Without a protocol, with blanks or quotes in its path, or no request at all: the line is a row all the same."""
    [row] = rows(COMMON.replace(b"GET /shuttle/missions/ HTTP/1.0", request_line))
    assert (row["method"], row["path"], row["protocol"]) == expected


def test_columns_have_the_types_and_the_order_that_are_asked_for() -> None:
    """Only they are made; the time may stay text."""
    assert rows(COMMON, Column("bytes", "float64"), Column("time", "string")) == [
        {"bytes": 1839.0, "time": "01/Aug/1995:00:00:01 -0400"}
    ]


def test_a_log_has_no_other_columns() -> None:
    """A misspelled name is a mistake in the config, not a column of nulls."""
    with pytest.raises(ConfigError, match="a log has no 'agent'; it has host, ident"):
        Log(ParseSpec("log", columns=(Column("agent", "string"),)))
