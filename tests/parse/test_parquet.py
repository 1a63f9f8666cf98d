"""Parquet: row groups, types of files and types of configs, damaged files. The files are real ones."""

import datetime as dt
import pickle
import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import CorruptInput, InputMissing, InputRefused
from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec, Rows
from pipeline.parse.dtypes import dtype_of
from pipeline.parse.parquet import Parquet, infer_file, row_groups
from pipeline.protocols import Batch

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
MIDDAY = NOON.replace(tzinfo=None)


def write(folder: Path, table: pa.Table, rows: int = 2) -> str:
    path = str(folder / "a.parquet")
    pq.write_table(table, path, row_group_size=rows)
    return path


def read(path: str, group: int = 0, *, line_column: bool = False, **types: str) -> Batch:
    columns = tuple(Column(name, type) for name, type in types.items())
    return Parquet(ParseSpec("parquet", columns=columns, line_column=line_column)).read(Rows(path, group))


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        (pa.array([1, None], pa.int8()), "int8", 1),
        (pa.array([2**64 - 1], pa.uint64()), "uint64", 2**64 - 1),
        (pa.array([1.5], pa.float16()), "float32", 1.5),
        (pa.array([True]), "bool", True),
        (pa.array(["é"]), "string", "é"),
        (pa.array(["é"], pa.large_string()), "string", "é"),
        (pa.array(["é".encode()], pa.binary()), "string", "é"),
        (pa.array(["b", "a"]).dictionary_encode(), "string", "b"),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), "decimal(10,2)", Decimal("1.50")),
        (pa.array([MIDDAY.date()]), "date", MIDDAY.date()),
        (pa.array([MIDDAY], pa.timestamp("ms")), "datetime", MIDDAY),
        (pa.array([MIDDAY], pa.timestamp("ns")), "datetime", MIDDAY),
        (pa.array([1_999], pa.timestamp("ns")), "datetime", dt.datetime(1970, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001
        (pa.array([NOON], pa.timestamp("us", "Asia/Tokyo")), "datetime", MIDDAY),
        (pa.array([dt.timedelta(hours=26)], pa.duration("ms")), "duration", dt.timedelta(hours=26)),
        (pa.nulls(1), "string", None),
    ],
    ids=str,
)
def test_the_types_of_a_file_are_kept(tmp_path: Path, values: pa.Array, type: str, expected: object) -> None:
    """Each has a column type; times are microseconds, in UTC if they had a zone; dictionaries and widths are gone."""
    path = write(tmp_path, pa.table({"x": values}))
    assert infer_file(path) == (Column("x", type),)
    frame = read(path, x=type).frame
    assert frame.schema == {"x": dtype_of(type)}
    assert frame["x"][0] == expected


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}], [dt.time(12)]], ids=["list", "struct", "time"])
def test_a_type_that_no_column_has_is_refused(tmp_path: Path, values: list[object]) -> None:
    """By name, and only where the column is wanted."""
    path = write(tmp_path, pa.table({"nested": values, "plain": [1]}))
    with pytest.raises(InputRefused, match=r"column 'nested' is .*not supported"):
        infer_file(path)
    with pytest.raises(InputRefused, match=r"column 'nested' is .*not supported"):
        read(path, nested="string")
    assert read(path, plain="int64").frame.rows() == [(1,)]


def test_a_row_group_is_a_chunk(tmp_path: Path) -> None:
    """Its rows, counted from 0; columns by name in the configured order, absent ones null; nothing is rejected."""
    path = write(tmp_path, pa.table({"a": [1, 2, 3], "b.c": ["x", "y", "z"]}))
    assert [rows for rows, _ in row_groups(path)] == [2, 1]
    assert all(nbytes > 0 for _, nbytes in row_groups(path))
    batch = read(path, 0, line_column=True, **{"b.c": "string", "none": "date", "a": "int8"})
    assert batch.frame.rows() == [("x", None, 1, 0), ("y", None, 2, 1)]
    assert (batch.records, batch.rejects, batch.lines) == (2, [], 2)
    assert read(path, 1, a="int64").frame.rows() == [(3,)]


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (pa.array([1, 300]), "int8"),
        (pa.array([-1]), "uint64"),
        (pa.array([1.5]), "int64"),
        (pa.array([2]), "bool"),
        (pa.array([1e39]), "float32"),
        (pa.array([Decimal("1.55")], pa.decimal128(10, 2)), "decimal(10,1)"),
        (pa.array([MIDDAY]), "date"),
        (pa.array(["x"]), "int64"),
        (pa.array([b"\xff"]), "string"),
    ],
    ids=str,
)
def test_a_value_that_would_be_changed_is_refused(tmp_path: Path, values: pa.Array, type: str) -> None:
    """A cast that loses something ends the run, naming file and column: nothing is wrapped, cut or rounded."""
    path = write(tmp_path, pa.table({"x": values}))
    with pytest.raises(InputRefused, match=f"column 'x' cannot be {re.escape(type)}"):
        read(path, x=type)


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        (pa.array([1.0, None]), "int8", [1, None]),
        (pa.array(["1", ""]), "int64", [1, None]),
        (pa.array([1, 2]), "float32", [1.0, 2.0]),
        (pa.array([1, 2]), "string", ["1", "2"]),
        (pa.array(["2026-11-22"]), "date", [dt.date(2026, 11, 22)]),
        (pa.array([0.1]), "float32", [pytest.approx(0.1)]),
    ],
    ids=str,
)
def test_a_value_that_survives_is_cast(tmp_path: Path, values: pa.Array, type: str, expected: list[object]) -> None:
    """The configured type is what the transform sees."""
    frame = read(write(tmp_path, pa.table({"x": values})), x=type).frame
    assert frame.schema == {"x": dtype_of(type)}
    assert frame["x"].to_list() == expected


def test_a_file_without_a_known_column_is_refused(tmp_path: Path) -> None:
    """The message says what it has."""
    path = write(tmp_path, pa.table({"a": [1]}))
    with pytest.raises(InputRefused, match="none of the configured columns") as caught:
        read(path, b="int64")
    assert "'a'" in caught.value.hint


def test_an_absent_file_is_missing(tmp_path: Path) -> None:
    """Not corrupt."""
    with pytest.raises(InputMissing):
        row_groups(str(tmp_path / "none.parquet"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_corrupt_or_whole(tmp_path: Path, data: st.DataObject) -> None:
    """Cut or flipped bytes give the rows that were there, other values where nothing can tell, or a clear refusal."""
    path = write(tmp_path, pa.table({"a": [1, 2, 3], "s": ["x", "y", None]}))
    body = bytearray(Path(path).read_bytes())
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body) - 1))]
    else:
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    Path(path).write_bytes(body)
    with suppress(InputRefused):
        frames = [read(path, group, a="int64", s="string").frame for group in range(len(row_groups(path)))]
        assert all(frame.columns == ["a", "s"] for frame in frames)


def test_types_are_not_guessed_from_bytes() -> None:
    """`infer` of a sample is refused: `infer_file` is the way."""
    with pytest.raises(InputRefused, match="read from the file"):
        Parquet(ParseSpec("parquet")).infer(ChunkBytes(ChunkId((0,), 0), "a", b"PAR1", 0, None))


def test_a_cut_file_is_corrupt(tmp_path: Path) -> None:
    """And says so."""
    path = write(tmp_path, pa.table({"a": [1]}))
    Path(path).write_bytes(Path(path).read_bytes()[:-5])
    with pytest.raises(CorruptInput, match="not a whole parquet file"):
        row_groups(path)


def test_it_is_its_spec() -> None:
    """Pickled, it is equal."""
    format = Parquet(ParseSpec("parquet", columns=(Column("a", "int64"),)))
    assert pickle.loads(pickle.dumps(format)) == format != Parquet(ParseSpec("parquet"))
