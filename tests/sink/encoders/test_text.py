"""csv, ndjson and json: their contract read back with the standard library, and their spelling."""

import base64
import csv
import datetime as dt
import gzip
import io
import json
import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec, SinkSpec
from pipeline.parse import format_of
from pipeline.protocols import Encoder
from pipeline.sink.encoders import encoder_of
from pipeline.testing.encoders import EncoderContract


def stamp(value: dt.datetime) -> str:
    """ISO 8601 with 0, 3 or 6 digits of the second, Z for UTC; written without the library under test."""
    digits = "" if not value.microsecond else f".{value.microsecond:06d}"
    digits = digits[:4] if digits.endswith("000") else digits
    return value.strftime(f"{value.year:04d}-%m-%dT%H:%M:%S") + digits + ("Z" if value.tzinfo else "")


def microseconds(text: str) -> int:
    """The length of an ISO 8601 duration of days and time."""
    found = re.fullmatch(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?", text)
    assert found, text
    sign, days, hours, minutes, seconds, fraction = found.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return (whole * 10**6 + int((fraction or "0").ljust(6, "0"))) * (-1 if sign else 1)


def is_same(value: object, found: object) -> bool:
    """Whether JSON holds what the frame held."""
    match value:
        case dt.timedelta():
            return isinstance(found, str) and microseconds(found) == value // dt.timedelta(microseconds=1)
        case float() if not math.isfinite(value):
            return found is None
        case float():
            return isinstance(found, float) and struct.pack("d", found) == struct.pack("d", value)
        case dt.datetime():
            return found == stamp(value)
        case dt.date():
            return found == value.isoformat()
        case bytes():
            return found == base64.b64encode(value).decode()
        case Decimal():
            return found == str(value)
        case list():
            return isinstance(found, list) and all(map(is_same, value, found)) and len(found) == len(value)
        case dict():
            return (
                isinstance(found, dict)
                and list(found) == list(value)
                and all(map(is_same, value.values(), found.values()))
            )
        case _:
            return type(found) is type(value) and found == value


def check_objects(objects: list[dict[str, object]], frame: pl.DataFrame) -> None:
    rows = widened(frame).to_dicts()
    assert len(objects) == len(rows)
    for found, row in zip(objects, rows, strict=True):
        assert list(found) == list(row)
        for name, value in row.items():
            assert is_same(value, found[name]), (name, value, found[name])


def widened(frame: pl.DataFrame) -> pl.DataFrame:
    """float32 as the float64 that its shortest decimal text reads as."""
    return frame.with_columns(
        pl.Series(name, [value if value is None else shortest(value) for value in frame[name]], pl.Float64)
        for name, dtype in frame.schema.items()
        if dtype == pl.Float32
    )


def shortest(value: float) -> float:
    """The decimal of fewest digits that rounds to this float32; nine are always enough."""
    if not math.isfinite(value):
        return value
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next(float(text) for text in texts if struct.pack("f", float(text)) == struct.pack("f", value))


def plain(path: str, compression: str) -> bytes:
    """The file inflated by an independent library, all members of it."""
    if compression == "zstd":
        with pa.input_stream(path, compression="zstd") as stream:
            data: bytes = stream.read()
        return data
    data = Path(path).read_bytes()
    return gzip.decompress(data) if compression == "gzip" else data


class NdjsonContract(EncoderContract):
    compression = "none"

    def encoder(self) -> Encoder:
        return encoder_of(SinkSpec("out", "ndjson", self.compression))

    def check(self, path: str, frame: pl.DataFrame) -> None:
        text = plain(path, self.compression).decode()
        assert text.count("\n") == frame.height
        check_objects([json.loads(line) for line in text.split("\n")[:-1]], frame)


class TestNdjson(NdjsonContract):
    cutting_matters = False


class TestNdjsonGzip(NdjsonContract):
    compression = "gzip"
    cutting_matters = True


class TestJson(EncoderContract):
    cutting_matters = False

    def encoder(self) -> Encoder:
        return encoder_of(SinkSpec("out", "json"))

    def check(self, path: str, frame: pl.DataFrame) -> None:
        check_objects(json.loads(Path(path).read_bytes()), frame)


class TestJsonZstd(TestJson):
    cutting_matters = True

    def encoder(self) -> Encoder:
        return encoder_of(SinkSpec("out", "json", "zstd"))

    def check(self, path: str, frame: pl.DataFrame) -> None:
        check_objects(json.loads(plain(path, "zstd")), frame)


class CsvContract(EncoderContract):
    compression = "none"

    def encoder(self) -> Encoder:
        return encoder_of(SinkSpec("out", "csv", self.compression))

    def check(self, path: str, frame: pl.DataFrame) -> None:
        text = plain(path, self.compression).decode()
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert rows[0] == frame.columns
        assert len(rows) == frame.height + 1
        for found, row in zip(rows[1:], widened(frame).to_dicts(), strict=True):
            for cell, (name, value) in zip(found, row.items(), strict=True):
                assert is_cell(value, cell), (name, value, cell)


def is_cell(value: object, cell: str) -> bool:
    match value:
        case None:
            return cell == ""
        case float():
            return struct.pack("d", float(cell)) == struct.pack("d", value) or (math.isnan(value) and cell == "NaN")
        case bool():
            return cell == ("true" if value else "false")
        case int():
            return cell == str(value)
        case list() | dict():
            return is_same(value, json.loads(cell))
        case _:
            return is_same(value, cell)


class TestCsv(CsvContract):
    cutting_matters = False


class TestCsvZstd(CsvContract):
    compression = "zstd"
    cutting_matters = True


class TestCsvGzip(CsvContract):
    compression = "gzip"
    cutting_matters = True


@pytest.fixture
def output(tmp_path: Path) -> Callable[..., bytes]:
    def write(format: str, *frames: pl.DataFrame, compression: str = "none") -> bytes:
        encoder = encoder_of(SinkSpec("out", format, compression))
        segments = [encoder.write(frame, f"{tmp_path}/{number}") for number, frame in enumerate(frames)]
        encoder.join([segment.path for segment in segments], frames[0].schema, f"{tmp_path}/out")
        return (tmp_path / "out").read_bytes()

    return write


def test_csv_keeps_null_and_the_empty_string_apart(output: Callable[..., bytes]) -> None:
    """Null is the empty field, the empty string is quoted; in a single column both are, since a blank line is lost."""
    assert output("csv", pl.DataFrame({"a": ["", None], "b": [1, None]})) == b'a,b\n"",1\n,\n'
    assert output("csv", pl.DataFrame({"a": ["", None, "x"]})) == b'a\n""\n""\nx\n'


def test_null_and_the_empty_string_come_back_as_they_were(output: Callable[..., bytes]) -> None:
    """What this program writes it also reads: the result of one job is the input of the next."""
    frame = pl.DataFrame({"a": ["", None, "x"], "b": [None, "", None]})
    columns = (Column("a", "string"), Column("b", "string"))
    for format in ("csv", "ndjson"):
        data = output(format, frame)
        header, body = data.split(b"\n", 1) if format == "csv" else (None, data)
        chunk = ChunkBytes(ChunkId((0,), 0), "a", body, 0, 1, header)
        read = format_of(ParseSpec(format, header=format == "csv", columns=columns)).read(chunk)
        assert_frame_equal(read.frame, frame)


def test_csv_spells_values_as_documented(output: Callable[..., bytes]) -> None:
    """The spelling is a promise: other programs parse it."""
    frame = pl.DataFrame(
        {
            "f": [0.1 + 0.2, math.nan, -math.inf],
            "t": ["2020-01-31 01:02:03", "2020-01-31 01:02:03.45", None],
            "d": [dt.timedelta(seconds=1.5), dt.timedelta(days=2, hours=3), dt.timedelta(0)],
            "b": [b"\xff", b"", None],
            "l": [[{"value": "x", "count": 3}], [], None],
        }
    ).with_columns(pl.col("t").str.to_datetime())
    frame = frame.with_columns(
        u=pl.col("t").dt.replace_time_zone("UTC"), z=pl.col("t").dt.replace_time_zone("Europe/Berlin")
    )
    assert output("csv", frame).decode().splitlines() == [
        "f,t,d,b,l,u,z",
        (
            '0.30000000000000004,2020-01-31T01:02:03,PT1.5S,/w==,"[{""value"":""x"",""count"":3}]",'
            "2020-01-31T01:02:03Z,2020-01-31T01:02:03+01:00"
        ),
        'NaN,2020-01-31T01:02:03.450,P2DT3H,"",[],2020-01-31T01:02:03.450Z,2020-01-31T01:02:03.450+01:00',
        "-inf,,PT0S,,,,",
    ]


def test_ndjson_spells_values_as_documented(output: Callable[..., bytes]) -> None:
    """Every number exactly, no NaN, text as UTF-8 and not as escapes."""
    frame = pl.DataFrame(
        {
            "i": [2**63 - 1, None],
            "f": [1e16, math.nan],
            "s": ['é"\n', ""],
            "d": [Decimal("1.50"), None],
            "l": [[1.5, math.inf, None], None],
        }
    )
    assert output("ndjson", frame).decode() == (
        '{"i":9223372036854775807,"f":1e+16,"s":"é\\"\\n","d":"1.50","l":[1.5,null,null]}\n'
        '{"i":null,"f":null,"s":"","d":null,"l":null}\n'
    )


def test_json_is_an_array_an_object_a_line(output: Callable[..., bytes]) -> None:
    """Diffs and greps work; nothing gives `[]`."""
    one, none = pl.DataFrame({"a": [1]}), pl.DataFrame({"a": []}, schema={"a": pl.Int64})
    assert output("json", none, one, none, one, none) == b'[\n{"a":1},\n{"a":1}\n]\n'
    assert output("json", none) == b"[]\n"


def test_gzip_holds_neither_name_nor_time(output: Callable[..., bytes]) -> None:
    """Equal rows give equal files, today and tomorrow; each segment is a member that can be read alone."""
    frame = pl.DataFrame({"a": [1, 2]})
    data = output("ndjson", frame, frame, compression="gzip")
    assert data.count(b"\x1f\x8b\x08") == 2
    assert data[3] & 0b1000 == 0
    assert data[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("format", "compression", "says"),
    [
        ("xlsx", "none", "format xlsx is not one of arrow, csv, json, ndjson, parquet"),
        ("csv", "lzma", "compression lzma is not one of none, gzip, zstd"),
        ("parquet", "gzip", "parquet is compressed inside"),
        ("arrow", "zstd", "arrow files are not compressed as a whole"),
    ],
)
def test_what_cannot_be_written_is_refused(format: str, compression: str, says: str) -> None:
    """A sink that no encoder serves is refused when the job is built, not when the result is there."""
    with pytest.raises(ValueError, match=f"out/x: {says}"):
        encoder_of(SinkSpec("out/x", format, compression))
