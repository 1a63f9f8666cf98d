"""Csv and tsv: the contract, the agreement of the fast and the slow path, and what a field means."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipeline.errors import ConfigError, InputRefused
from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec
from pipeline.parse import csv_slow
from pipeline.parse.csv import Csv
from pipeline.parse.csv_grammar import Grammar
from pipeline.parse.csv_layout import layout_of
from pipeline.parse.csv_reader import Reader
from pipeline.parse.frames import arranged
from pipeline.parse.records import split_records
from pipeline.protocols import Batch
from pipeline.testing.formats import FormatContract


def chunk(data: bytes, header: bytes | None = None) -> ChunkBytes:
    return ChunkBytes(ChunkId((0,), 0), "flights.csv", data, 0, 1, header)


def columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, type) for name, type in types.items())


def read(data: bytes, header: bytes | None = None, **settings: object) -> Batch:
    spec = ParseSpec("csv", **{"header": header is not None, **settings})  # type: ignore[arg-type]
    return Csv(spec).read(chunk(data, header))


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


class TestCsvContract(FormatContract):
    spec = ParseSpec(
        "csv",
        columns=columns(name="string", delay="int32", ratio="float64", day="date"),
        null_values=("", "NA"),
    )
    header = b'id,"name",delay,ratio,day,note'
    good = (
        b"1,Ada,5,1.5,2026-11-22,",
        b'2,"Lovelace, Ada",-3,1e9,2026-11-22,"x"',
        b'3,"two\nlines",+7,inf,,"""quoted"""',
        b"4,NA,NA,NA,NA,NA",
        b",,,,,",
        b'5,"",6,nan,2026-11-22,"\r\n"',
        "6,Zoë,0,.5,0001-01-01,é".encode(),
        b"7,\xef\xbb\xbfmarked,1,1,2026-11-22,x",
        b'8,J "Jack" S,1,1,2026-11-22,x',
    )
    bad = (
        b"1,Ada,5,1.5,2026-11-22",
        b"1,Ada,5,1.5,2026-11-22,,",
        b"1,Ada,5.0,1.5,2026-11-22,",
        b"1,Ada,3000000000,1.5,2026-11-22,",
        b"1,Ada,5,1e400,2026-11-22,",
        b"1,Ada,5,1.5,22/11/2026,",
        b'1,"Ada"x,5,1.5,2026-11-22,',
        b'1,"A"d"a",5,1.5,2026-11-22,',
        b'1,A"da,5,1.5,2026-11-22,\n2,A"da,5,1.5,2026-11-22,',
        b"1,\xff,5,1.5,2026-11-22,",
        b"1,Ada,5,1.5,2026-11-22,\xff",
        b"x",
    )


class TestTsvContract(FormatContract):
    spec = ParseSpec(
        "tsv", header=False, columns=columns(ngram="string", year="int32", count="int64"), delimiter="\t", quote=""
    )
    good = (b'"quoted\t1999\t5', "Å\t2000\t6".encode(), b"\t\t", b"a,b\t-1\t0", b"\xef\xbb\xbfmarked\t1\t2")
    bad = (b"a\t1999", b"a\t1999\t5\t", b"a\tx\t5", b"\xff\t1\t2", b"a\t1\t9223372036854775808")


class TestOneColumnContract(FormatContract):
    """A file of one column is the one in which a blank line is a record."""

    spec = ParseSpec("csv", header=False, columns=columns(n="int64"))
    good = (b"1", b"", b'"2"', b" 3", b"\t")
    bad = (b"x", b"1,2", b"1 ", b'"1"2', b"\xff")


# --- fast and slow ---------------------------------------------------------------------------------------------


FIELDS = [
    b"",
    b"1",
    b"-2",
    b" 3",
    b"x",
    b'"x"',
    b'"a""b"',
    b'"a,b"',
    b'"a\nb"',
    b'"a\r\nb"',
    b"NA",
    b'""',
    b"1.5",
    b"inf",
]
FIELDS += [b"1e400", b'a"b', b'a"b"c', b'"x"y', b"\r", b"\xff", "é".encode(), b"\xef\xbb\xbf", b"2026-11-22", b"true"]
FIELDS += [b"1\r", b"99999999999", b"\x00", b'"', b" "]
RECORDS = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4).map(b",".join)
DATA = st.one_of(
    st.lists(st.tuples(RECORDS, st.sampled_from([b"\n", b"\r\n"])).map(b"".join), max_size=8).map(b"".join),
    st.lists(st.sampled_from([*FIELDS, b",", b",", b"\n", b"\n"]), max_size=30).map(b"".join),
)
TYPES = st.sampled_from(["string", "int32", "float32", "float64", "bool", "date", "decimal(10,2)"])


def slow(format: Csv, part: ChunkBytes) -> Batch:
    layout = layout_of(format.spec, part)
    frame, _, rejects = csv_slow.read(part, format._reader(layout))
    assert format.spec.columns is not None
    return Batch(arranged(frame, format.spec.columns), rejects, 0)


@settings(max_examples=100, deadline=None)
@given(
    DATA,
    st.lists(TYPES, min_size=1, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.sampled_from(['"', "", "'"]),
    st.sampled_from([("",), ("NA",), ("NA", "")]),
)
def test_fast_and_slow_agree_on_every_record(
    data: bytes, types: Sequence[str], wanted: Sequence[bool], quote: str, null_values: tuple[str, ...]
) -> None:
    """What the fast path accepts, the slow path reads to the same rows without a reject; and what it does for the
    records of a chunk together, it does for each alone."""
    names = "abcd"[: len(types)]
    every = tuple(map(Column, names, types))
    some = tuple(column for column, chosen in zip(every, wanted, strict=False) if chosen) or every
    format = Csv(ParseSpec("csv", columns=some, quote=quote, null_values=null_values))
    whole = chunk(data, ",".join(names).encode())
    batch = format.read(whole)
    if data:
        assert_frame_equal(batch.frame, slow(format, whole).frame)
        assert batch.rejects == slow(format, whole).rejects
    records = split_records(whole, quote)
    alone = [
        format.read(replace(whole, data=data[start : stop + 1]))
        for start, stop in zip(records.starts.tolist(), records.stops.tolist(), strict=True)
    ]
    assert sum(one.frame.height for one in alone) == batch.frame.height
    assert [reject.reason for one in alone for reject in one.rejects] == reasons(batch)
    assert_frame_equal(pl.concat([batch.frame.clear(), *(one.frame for one in alone)]), batch.frame)


@given(
    st.lists(
        st.lists(st.text(st.sampled_from('ab",;\n\r é'), max_size=5), min_size=3, max_size=3), min_size=1, max_size=6
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_standard_library_writes_is_read_back(rows: list[list[str]], end: str) -> None:
    """Quotes, delimiters and line ends inside quoted fields come back as they were."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
    batch = read(text.getvalue().encode(), b"a,b,c", columns=columns(a="string", b="string", c="string"))
    assert batch.rejects == []
    assert batch.frame.rows() == [tuple(row) for row in rows]


@pytest.mark.parametrize("data", [b"1,x,2.5\n" * 3, b"1,x,\n2,,NA\n", b'1,"x, y","2"\r\n2,"a""b",\r\n', b"1,x,1"])
@pytest.mark.parametrize("wanted", ["abc", "ab", "a"])
def test_a_clean_chunk_takes_the_fast_path(data: bytes, wanted: str) -> None:
    """Nulls in the last column, quotes, a missing last newline and columns left out are no reason to go slowly."""
    every = columns(a="int64", b="string", c="float64")
    spec = ParseSpec("csv", columns=tuple(c for c in every if c.name in wanted), null_values=("", "NA"))
    part = chunk(data, b"a,b,c")
    assert Csv(spec)._fast(part, layout_of(spec, part)) is not None


DOUBTFUL = [
    b"1,x,\n1,x\n",
    b"1,x,2\n1\n",
    b"1,x,2\n\n",
    b"1,x,2,\n1,x\n",
    b"1,x,2\n1,x,2,3\n",
    b"1,x,2,",
    b'1,"x"y"z",2\n',
]
DOUBTFUL += [b"1,x,2\n1,x\n1,x,2,3\n", b"1,x,2\n1,x\n1,x,2,\n", b"1,x,2\n1,x,2,"]
DOUBTFUL += [b'1,a"b,2\n1,a"b,2\n', b'1,"x"\r,2\n', b"1,x,1e400\n"]


@pytest.mark.parametrize("data", DOUBTFUL)
@pytest.mark.parametrize("wanted", ["abc", "ab", "a", "c"])
@pytest.mark.parametrize("null_values", [("",), ("NA",)])
def test_a_doubtful_chunk_does_not_take_the_fast_path(data: bytes, wanted: str, null_values: tuple[str, ...]) -> None:
    """A short, long, blank or oddly quoted record is noticed whichever columns are read; so is a number too large."""
    every = columns(a="int64", b="string", c="float64")
    spec = ParseSpec("csv", columns=tuple(c for c in every if c.name in wanted), null_values=null_values)
    part = chunk(data, b"a,b,c")
    seen = "1e400" not in data.decode() or "c" in wanted
    assert (Csv(spec)._fast(part, layout_of(spec, part)) is None) is seen


def test_a_chunk_of_bad_records_is_read_in_one_go() -> None:
    """The slow path reads the chunk as often for many bad records as for one: it never tries them one by one."""
    calls = 0

    class Counting(Reader):
        __slots__ = ()

        def lenient(self, data: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
            nonlocal calls
            calls += 1
            return super().lenient(data)

    spec = ParseSpec("csv", columns=columns(a="int64", b="int64"))
    part = chunk(b"x,1\n" * 300 + b"1\n" * 300 + b'"a"b,1\n' * 300, b"a,b")
    reader = Csv(spec)._reader(layout_of(spec, part))
    frame, _, rejects = csv_slow.read(part, Counting(reader.grammar, reader.null_values, reader.layout))
    assert (frame.height, len(rejects), calls) == (0, 900, 1)


def test_only_odd_records_are_looked_at_one_by_one() -> None:
    """However many records a chunk has, those without odd quotes are judged together, right and wrong ones."""
    looked_at: list[bytes] = []

    class Counting(Grammar):
        __slots__ = ()

        def accept(self, record: bytes) -> bytes | str:
            looked_at.append(record)
            return super().accept(record)

    spec = ParseSpec("csv", columns=columns(a="string", b="int64"))
    part = chunk(b'"a",1\n' * 300 + b"1\n" * 300 + b'b"x"c,1\n' + b'"a,""b",x\n' * 300, b"a,b")
    reader = Csv(spec)._reader(layout_of(spec, part))
    counting = replace(reader, grammar=Counting(",", '"', 2))
    frame, _, rejects = csv_slow.read(part, counting)
    assert (frame.height, len(rejects)) == (300 + 1, 600)
    assert looked_at == [b'b"x"c,1']


# --- what is wrong, in words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"x,5,1", "column 'a': 'x' is not int8"),
        (b"300,5,1", "column 'a': '300' does not fit int8"),
        (b"1,1e400,1", "column 'b': '1e400' does not fit float64"),
        (b"1,5,1.555", "column 'c': '1.555' does not fit decimal(5,2)"),
        (b"1,5", "2 fields, 3 expected"),
        (b"1", "1 field, 3 expected"),
        (b"1,2,3,4", "4 fields, 3 expected"),
        (b'1,"5"6,1', "text after the closing quote of field 2: '6'"),
        (b'1,5,"1', "unterminated quote"),
        (b"1,5,\xff1", "not UTF-8 at byte 4"),
        (b'1,a"b,2\n1,a"b,2', "a quote inside an unquoted field: the line ends after field 3, the record does not"),
        (b"x" * 200 + b",5,1", f"column 'a': '{'x' * 89}... (200 characters) is not int8"),
    ],
)
def test_a_reject_says_what_is_wrong(record: bytes, reason: str) -> None:
    """The column, the value and the type; or how many fields, or which byte, or which quote."""
    batch = read(record, b"a,b,c", columns=columns(a="int8", b="float64", c="decimal(5,2)"))
    assert reasons(batch) == [reason]


def test_the_text_of_a_reject_is_cut_at_4096_characters() -> None:
    """A reject carries the beginning of a long record, whole characters of it."""
    [reject] = read("é".encode() * 5000, b"a", columns=columns(a="int64")).rejects
    assert reject.raw == "é" * 4096


# --- headers -----------------------------------------------------------------------------------------------------


def test_columns_go_by_name_whatever_their_order() -> None:
    """Another order in the file is the same rows; extra columns of the file are ignored, absent ones are null."""
    batch = read(b"1,x,2\n", b'c,"x ""y""",a', columns=columns(a="int64", b="date", c="int64"))
    assert batch.frame.columns == ["a", "b", "c"]
    assert batch.frame.rows() == [(2, None, 1)]
    assert batch.frame.schema["b"] == pl.Date


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"x,y", "flights.csv: the header has none of the configured columns 'a', 'b'"),
        (b"", "flights.csv: the header has none of the configured columns 'a', 'b'"),
        (b"a,b,a", "flights.csv: the header has 'a' more than once"),
        (b"a,\xff", "flights.csv: the header is not UTF-8 at byte 2"),
        (b'a,"b', "flights.csv: the header cannot be read"),
        (None, "flights.csv: has no header"),
    ],
)
def test_a_header_that_cannot_be_used_refuses_the_shard(header: bytes | None, message: str) -> None:
    """Nothing can be blamed on a record: the message names shard, header and columns."""
    spec = ParseSpec("csv", columns=columns(a="int64", b="int64"))
    with pytest.raises(InputRefused) as caught:
        Csv(spec).read(chunk(b"1,2\n", header))
    assert caught.value.message.startswith(message)


def test_a_name_that_comes_twice_is_no_matter_if_nobody_wants_it() -> None:
    """Only a configured column has to be unambiguous."""
    assert read(b"1,2,3\n", b"x,a,x", columns=columns(a="int64")).frame.rows() == [(2,)]


def test_an_empty_chunk_needs_no_header() -> None:
    """A shard without a byte has no header either: no records, no error."""
    assert Csv(ParseSpec("csv", columns=columns(a="int64"))).read(chunk(b"")).records == 0


# --- fields ------------------------------------------------------------------------------------------------------


def test_an_empty_field_is_null_and_a_quoted_one_is_the_empty_string() -> None:
    """In a string column; of every other type both are null."""
    batch = read(b'1,,\n2,"",""\n', b"n,s,i", columns=columns(s="string", i="int64"))
    assert batch.frame.rows() == [(None, None), ("", None)]


def test_null_values_replace_the_default() -> None:
    """With null values of its own a job keeps empty strings, unless the empty text is one of them."""
    data = b"NA,NA,NA\n,,\n"
    assert read(data, b"n,s,i", columns=columns(s="string", i="int64"), null_values=("NA",)).frame.rows() == [
        (None, None),
        ("", None),
    ]
    batch = read(data, b"n,s,i", columns=columns(s="string", i="int64"), null_values=("NA", ""))
    assert batch.frame.rows() == [(None, None)] * 2


def test_infinity_is_a_value_where_it_is_spelled_out() -> None:
    """inf and nan are floats; a number that only overflows to infinity is refused."""
    batch = read(b"inf,1\n-Infinity,1\nnan,1\n1e400,1\n1e39,1\n", b"a,b", columns=columns(a="float32"))
    assert batch.frame["a"].to_list()[:2] == [float("inf"), float("-inf")]
    assert batch.frame["a"].is_nan().to_list() == [False, False, True]
    assert reasons(batch) == [f"column 'a': '{text}' does not fit float32" for text in ("1e400", "1e39")]


def test_a_blank_line_is_no_record_among_several_columns() -> None:
    """It counts as a line and as nothing else, also where it holds a carriage return."""
    batch = read(b"1,2\n\n\r\n3,4\n", b"a,b", columns=columns(a="int64", b="int64"), line_column=True)
    assert batch.frame.rows() == [(1, 2, 0), (3, 4, 3)]
    assert (batch.rejects, batch.lines) == ([], 4)


def test_a_bad_neighbour_does_not_change_carriage_returns() -> None:
    """The last one belongs to the line's end, those before it to the field: on both paths."""
    data = b"1,a\r\r\n\r,\r\r\n2,\r\n"
    fast = read(data, b"a,b", columns=columns(b="string"))
    batch = read(data + b"3\n", b"a,b", columns=columns(b="string"))
    assert fast.frame["b"].to_list() == batch.frame["b"].to_list() == ["a\r", "\r", None]
    assert reasons(batch) == ["1 field, 2 expected"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", " ", "^", "]", "\\", "-", ".", "\x01"])
@pytest.mark.parametrize("quote", ['"', "'", "^", "\\", ""])
def test_any_ascii_character_delimits(delimiter: str, quote: str) -> None:
    """Characters that mean something in a pattern are characters all the same, on both paths."""
    if delimiter == quote:
        return
    data = f"1{delimiter}{quote}x{quote}\n2{delimiter}{quote}y{quote}\n".encode()
    header = f"a{delimiter}b".encode()
    settings = {"columns": columns(a="int64", b="string"), "delimiter": delimiter, "quote": quote}
    assert read(data, header, **settings).frame.rows() == [(1, "x"), (2, "y")]
    batch = read(data + b"3\n", header, **settings)
    assert batch.frame.rows() == [(1, "x"), (2, "y")]
    assert reasons(batch) == ["1 field, 2 expected"]


@pytest.mark.parametrize("setting", [{"delimiter": "::"}, {"delimiter": "é"}, {"quote": "''"}, {"quote": ","}])
def test_what_is_no_ascii_character_does_not_delimit(setting: dict[str, str]) -> None:
    """A delimiter or quote of several bytes, or both the same, is a mistake in the config."""
    with pytest.raises(ConfigError):
        Csv(ParseSpec("csv", **setting))  # type: ignore[arg-type]


# --- inference ---------------------------------------------------------------------------------------------------


def test_types_are_the_narrowest_that_hold_the_sample() -> None:
    """Numbers, dates and truth values are found; codes with leading zeros, guesses and empty columns are text."""
    header = b"flag,count,ratio,day,time,zip,us,none,,text"
    data = (
        b"true,1,1,2026-11-22,2026-11-22T10:00:00Z,00123,11/22/2026,,1,x\n"
        b"FALSE,NA,1.5,NA,2026-11-22T11:00:00Z,99999,11/23/2026,NA,2,\n"
        b"short,record\n"
    )
    format = Csv(ParseSpec("csv", null_values=("", "NA")))
    assert format.infer(chunk(data, header)) == columns(
        flag="bool",
        count="int64",
        ratio="float64",
        day="date",
        time="datetime",
        zip="string",
        us="string",
        none="string",
        column_9="int64",
        text="string",
    )


def test_columns_without_a_header_are_numbered() -> None:
    """As many as the first record has fields."""
    format = Csv(ParseSpec("csv", header=False))
    assert format.infer(chunk(b'\n1,"a,b"\n2,c\n')) == columns(column_1="int64", column_2="string")


@pytest.mark.parametrize(
    ("data", "header", "message"),
    [
        (b"1,2,3\n", b"a,b,a", "flights.csv: the header has 'a' more than once"),
        (b"1,2,3\n", b'a,"b', "flights.csv: the header cannot be read"),
        (b"\n", None, "flights.csv: no record to infer the columns from"),
        (b'"x', None, "flights.csv: no record to infer the columns from"),
    ],
)
def test_columns_that_cannot_be_named_are_not_inferred(data: bytes, header: bytes | None, message: str) -> None:
    """An ambiguous or unreadable header, or nothing to count: the message names the shard."""
    with pytest.raises(InputRefused) as caught:
        Csv(ParseSpec("csv", header=header is not None)).infer(chunk(data, header))
    assert caught.value.message.startswith(message)


def test_a_header_alone_gives_columns_of_text() -> None:
    """There is nothing to say that they are anything else."""
    assert Csv(ParseSpec("csv")).infer(chunk(b"", b"a,b")) == columns(a="string", b="string")
