"""Ndjson: the contract, paths of keys, strict types, and two parsers that have to agree."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec
from pipeline.parse.ndjson import Ndjson
from pipeline.parse.records import BATCH, split_records
from pipeline.protocols import Batch
from pipeline.testing.formats import FormatContract


def chunk(data: bytes) -> ChunkBytes:
    return ChunkBytes(ChunkId((0,), 0), "events.ndjson", data, 0, 1)


def read(data: bytes, **types: str) -> Batch:
    columns = tuple(Column(name.replace("__", "."), type) for name, type in types.items())
    return Ndjson(ParseSpec("ndjson", columns=columns)).read(chunk(data))


def reasons(batch: Batch) -> list[str]:
    return [reject.reason for reject in batch.rejects]


class TestNdjsonContract(FormatContract):
    spec = ParseSpec(
        "ndjson",
        columns=(
            Column("id", "int32"),
            Column("user.name", "string"),
            Column("small", "int8"),
            Column("price", "decimal(20,2)"),
            Column("at", "datetime"),
        ),
    )
    good = (
        b'{"id":1,"user":{"name":"Ada"},"small":-128,"price":1.50,"at":"2026-11-22T10:00:00Z"}',
        b'{"at":null,"id":null,"user":null}',
        b"{}",
        '{"user":{"name":"Zoë","age":3},"extra":[1,{"x":null}]}'.encode(),
        b'{"user.name":"literal","user":{"name":"nested"}}',
        b' {"id" : 2 , "user" : {"name" : "\\ud83d\\ude00"}}\t',
        b'{"price":123456789012345678.25}',
    )
    bad = (
        b'{"id":1',
        b'{"id":"1"}',
        b'{"id":1.0}',
        b'{"id":true}',
        b'{"id":2147483648}',
        b'{"small":128}',
        b'{"price":1.555}',
        b'{"price":[1]}',
        b'{"at":"22/11/2026"}',
        b'{"user":5}',
        b'{"user":[]}',
        b"[1]",
        b"null",
        b"NaN",
        b'{"x":NaN}',
        b'{"x":1e400}',
        b'{"x":"\xff"}',
        b'{"x":"\\ud83d"}',
        b'{"id":1}{"id":2}',
        b"{'id':1}",
        b"\x0b",
    )


KEYS = st.sampled_from(["a", "b", "a.b", "c"])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.integers(-300, 300),
        st.floats(),
        st.sampled_from(["x", "2026-11-22", "1.5", "\ud800", "é", "a\nb", "\\ud800"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=4,
)
OBJECTS = st.lists(st.tuples(KEYS, VALUES), max_size=4).map(
    lambda pairs: ("{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}").encode()
)
PIECES = [
    b'{"a":',
    b"}",
    b"1",
    b'"',
    b"\\",
    b"\\u00e9",
    b"\\ud800",
    b"\\udc00",
    b",",
    b'"b":',
    b"[",
    b"]",
    b"null",
    b"tru",
]
PIECES += [
    b"1e5",
    b"1e400",
    b"-",
    b".",
    b"0",
    b" ",
    b"\t",
    b"\x0b",
    b"\r",
    b"\xff",
    b"\x00",
    b'"x"',
    b"NaN",
    b"\xef\xbb\xbf",
]
ODD = [b"", b" ", b'{"a":"x","a":1}', b'{"a":1,"a":"x"}', b'{"a":null,"a":5}', b'{"a":5,"a":null}', b'{"a":' * 1100]
LINES = st.one_of(OBJECTS, st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join), st.sampled_from(ODD))
TYPES = st.sampled_from(
    ["string", "int8", "int32", "int64", "uint64", "float64", "float32", "bool", "date", "decimal(10,2)"]
)
COLUMNS = st.lists(
    st.builds(Column, st.sampled_from(["a", "b", "a.b", "a.b.a", "c"]), TYPES),
    min_size=1,
    max_size=3,
    unique_by=lambda column: column.name,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=5), COLUMNS)
def test_each_line_is_read_as_it_is_alone(lines: Sequence[bytes], columns: Sequence[Column]) -> None:
    """A chunk is the sum of its lines: a bad neighbour, which sends the chunk down the slow path, changes nothing."""
    format = Ndjson(ParseSpec("ndjson", columns=tuple(columns)))
    whole = chunk(b"\n".join(lines))
    batch = format.read(whole)
    texts = split_records(whole).texts()
    alone = [format.read(replace(whole, data=text)) for text in texts]
    assert [one.records for one in alone] == [bool(text.strip(b" \t\r")) for text in texts]
    assert_frame_equal(pl.concat([batch.frame.clear(), *(one.frame for one in alone)]), batch.frame)
    assert [reject.reason for one in alone for reject in one.rejects] == reasons(batch)


def test_lines_of_several_batches_keep_their_places() -> None:
    """The slow path goes batch by batch: rows stay in order, rejects and rows on their lines, blank lines between."""
    lines = [b'{"a":%d}' % number for number in range(2 * BATCH + 3)]
    lines[5], lines[BATCH + 1], lines[-1] = b"", b'{"a":"x"}', b"["
    spec = ParseSpec("ndjson", columns=(Column("a", "int64"),), line_column=True)
    batch = Ndjson(spec).read(chunk(b"\n".join(lines) + b"\n"))
    gone = {5, BATCH + 1, 2 * BATCH + 2}
    assert batch.frame["a"].to_list() == batch.frame["_line"].to_list()
    assert batch.frame["a"].to_list() == [number for number in range(len(lines)) if number not in gone]
    assert [reject.line for reject in batch.rejects] == [BATCH + 1, 2 * BATCH + 2]


def test_blank_lines_are_no_records() -> None:
    """They count as lines; the lines of records are those of the file."""
    spec = ParseSpec("ndjson", columns=(Column("a", "int64"),), line_column=True)
    batch = Ndjson(spec).read(chunk(b'\n{"a":1}\r\n \t\n{"a":2}\n'))
    assert batch.frame.rows() == [(1, 1), (2, 3)]
    assert (batch.rejects, batch.lines) == ([], 4)


def test_a_path_leads_into_objects_and_a_literal_key_wins() -> None:
    """`a.b` is the key "a.b", else the key "b" under "a"; null and nothing on the way are null."""
    data = b'{"a":{"b":1}}\n{"a":{"b":1},"a.b":2}\n{"a":{"b":1},"a.b":null}\n{"a":null}\n{"a":{}}\n{}\n'
    assert read(data, a__b="int64").frame["a.b"].to_list() == [1, 2, 1, None, None, None]
    assert reasons(read(b'{"a":1}\n', a__b="int64")) == ["column 'a.b': 'a' is not an object"]


@pytest.mark.parametrize("type", ["int64", "decimal(5,0)"])
def test_of_a_key_that_comes_twice_the_first_counts(type: str) -> None:
    """On every path through the parsers, also next to a bad line."""
    data = b'{"a":1,"a":"x"}\n{"a":2,"a":3}\n'
    assert read(data, a=type).frame["a"].to_list() == [1, 2]
    assert read(data + b"x", a=type).frame["a"].to_list() == [1, 2]


def test_a_column_may_be_wanted_whole_and_in_part() -> None:
    """An object as text beside one of its keys."""
    batch = read(b'{"a":{"b":{"c":5}}}\n', a="string", a__b="string", a__b__c="int8")
    assert batch.frame.rows() == [('{"b": {"c": 5}}', '{"c": 5}', 5)]


def test_text_of_what_is_no_string_is_its_json() -> None:
    """A string column refuses nothing."""
    batch = read(b'{"a":[1,"x"]}\n{"a":{"b":null}}\n{"a":5}\n{"a":true}\n{"a":"t"}\n', a="string")
    assert batch.frame["a"].to_list() == ['[1, "x"]', '{"b": null}', "5", "true", "t"]


def test_integers_and_decimals_are_exact() -> None:
    """Beyond 53 bits nothing passes through a float."""
    batch = read(
        b'{"i":9223372036854775807,"u":18446744073709551615,"d":12345678901234567.89}\n{"d":"0.1"}\n{"d":1e2}\n',
        i="int64",
        u="uint64",
        d="decimal(25,2)",
    )
    assert batch.frame.row(0) == (2**63 - 1, 2**64 - 1, Decimal("12345678901234567.89"))
    assert batch.frame["d"].to_list()[1:] == [Decimal("0.10")]
    assert reasons(batch) == ["column 'd': '1e2' does not fit decimal(25,2)"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":"x"}', "column 'a': 'x' is not int8"),
        (b'{"a":5.5}', "column 'a': 5.5 is not int8"),
        (b'{"a":500}', "column 'a': '500' does not fit int8"),
        (b'{"a":99999999999999999999}', "column 'a': 1e+20 is not int8"),
        (b'{"f":1e39}', "column 'f': '1e+39' does not fit float32"),
        (b'{"f":true}', "column 'f': True is not float32"),
        (b'{"t":"noon"}', "column 't': 'noon' is not datetime"),
        (b'{"a":1', "not JSON: "),
        (b"5", "not a JSON object"),
        (b'{"a":\xff}', "not UTF-8 at byte 5"),
    ],
)
def test_a_reject_says_what_is_wrong(line: bytes, reason: str) -> None:
    """The column, the value and the type, or what is no JSON."""
    [found] = reasons(read(line, a="int8", f="float32", t="datetime"))
    assert found.startswith(reason)


def test_columns_are_found_in_the_order_in_which_they_come() -> None:
    """Objects are taken apart into paths; lists and mixtures are text; what is no object is passed over."""
    data = (
        b'{"id":1,"user":{"name":"Ada","tags":[1]},"at":"2026-11-22T10:00:00Z","n":1}\nnonsense\n[1]\n'
        b'{"id":2,"user":{"name":"Z","age":3},"n":1.5,"mix":1,"on":true,"big":18446744073709551615}\n'
        b'{"mix":"x","none":null,"day":"2026-11-22","user":null,"half":{"a":1}}\n{"half":5,"empty":{}}\n'
    )
    assert {column.name: column.type for column in Ndjson(ParseSpec("ndjson")).infer(chunk(data))} == {
        "id": "int64",
        "user.name": "string",
        "user.tags": "string",
        "user.age": "int64",
        "at": "datetime",
        "n": "float64",
        "mix": "string",
        "on": "bool",
        "big": "uint64",
        "none": "string",
        "day": "date",
        "half": "string",
        "empty": "string",
    }


def test_a_sample_without_an_object_gives_no_columns() -> None:
    """It is refused, by name."""
    with pytest.raises(InputRefused, match=r"events.ndjson: no object to infer the columns from"):
        Ndjson(ParseSpec("ndjson")).infer(chunk(b"[1]\n{}\n"))
