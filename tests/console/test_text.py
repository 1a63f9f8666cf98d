"""The account for people: what it says, in which order, and that it cannot be broken by what it shows."""

import io
import re
from pathlib import Path

import orjson
import pytest

from pipeline import events
from pipeline.console.summary import Value
from pipeline.console.text import Preview, Rejects, account, aligned, cell, left_out, show
from pipeline.testing.observed import ObservedRun

PREVIEW = Preview(
    (("carrier", "String"), ("flights", "UInt32"), ("mean_delay", "Float64")),
    (("UA", 58665, 12.106), ("9E", 18460, None)),
    total=16,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def finish(run: ObservedRun) -> None:
    run.report(events.RunStarted("flights", 2, 1, 1000))
    run.report(events.ShardFetched((0,), "a", 1))
    run.at(2)
    run.report(events.TaskDone(run.outcome(wall_s=1.5, cpu_s=1.5)))
    run.report(events.OutputCommitted("out/flights.parquet", 16, 1234))


def test_the_account_says_where_how_much_how_long_and_what_limited(run: ObservedRun) -> None:
    """The questions of somebody whose run has ended, in their order."""
    finish(run)
    assert list(account(run.report)) == [
        "out/flights.parquet: 16 rows, 1.21 KiB",
        "1 shard, 1 chunk, 100 records, 1000 B read (1.95 KiB decoded)",
        "2.00 s, of which 0.50 s start-up; 50 records/s",
        "busy: network 0 %, source 0 %, cores 38 %, disk 0 %",
        "limit: nothing in particular: nothing was busy for more than 38 % of the time",
    ]


def test_an_output_that_was_only_written_again_has_no_speed(run: ObservedRun) -> None:
    """Nothing was parsed: rates, load and limit would say nothing. What was noticed and left out is told."""
    run.report(events.RunStarted("flights", 2, 0, 0, 3))
    run.at(2)
    run.report(events.OutputCommitted("out/flights.parquet", 16, 1234))
    run.report(events.ShardSkipped("gone.csv", "gone"))
    assert list(account(run.report)) == [
        "out/flights.parquet: 16 rows, 1.21 KiB",
        "nothing to read: 3 shards unchanged; 2.00 s",
        "left out: 1 shard",
        "  gone.csv: gone",
    ]


def test_what_was_left_out_is_named_with_its_reason(run: ObservedRun) -> None:
    """Law 7: counts, places and reasons of rejects and skipped shards; the first three, and how many more."""
    finish(run)
    for number in range(5):
        run.report(events.ShardSkipped(f"{number}.csv", "gone"))
    rejects = Rejects("out/flights.rejects.ndjson", 2, 100, ("a.csv:3: too few fields", "a.csv:9: not a number"))
    assert list(left_out(run.report, rejects)) == [
        "rejected: 2 of 100 records, kept in out/flights.rejects.ndjson",
        "  a.csv:3: too few fields",
        "  a.csv:9: not a number",
        "left out: 5 shards",
        "  0.csv: gone",
        "  1.csv: gone",
        "  2.csv: gone",
        "  and 2 more",
    ]


def test_nothing_is_said_where_nothing_was_left_out(run: ObservedRun) -> None:
    """A clean run has a short account."""
    finish(run)
    assert list(left_out(run.report)) == []


def test_retries_and_deaths_that_were_coped_with_are_told(run: ObservedRun) -> None:
    """A run that succeeded at the second try says so."""
    finish(run)
    run.report(events.RetryScheduled("a", 1, 0.1, "reset"))
    assert "coped with: 1 retry, 0 worker deaths" in list(account(run.report))


def test_the_first_rejects_are_read_from_their_file(tmp_path: Path) -> None:
    """The place is `file:line`, or the byte where no line is known; no more is read than is shown."""
    path = tmp_path / "rejects.ndjson"
    records = [
        {"shard": "a.csv", "line": 3, "byte": 40, "reason": "too few fields", "raw": "x"},
        {"shard": "b.csv", "chunk_line": 0, "byte": 70, "reason": "not UTF-8", "raw": "y"},
    ]
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records) + b"not json")
    assert Rejects.read(str(path), 3, 9, show=2) == Rejects(
        str(path), 3, 9, ("a.csv:3: too few fields", "b.csv: byte 70: not UTF-8")
    )


def test_a_preview_is_read_from_what_a_worker_wrote(tmp_path: Path) -> None:
    """Columns with their types and rows of plain values, without the dataframe library."""
    path = tmp_path / "preview.json"
    path.write_bytes(orjson.dumps({"columns": [["a", "Int64"]], "rows": [[1], [None]]}))
    assert Preview.read(str(path), 2) == Preview((("a", "Int64"),), ((1,), (None,)), 2)


def test_columns_are_aligned_numbers_to_the_right() -> None:
    """Plain text in columns can be read in a mail."""
    assert list(aligned(PREVIEW)) == [
        "carrier  flights  mean_delay",
        "UA         58665      12.106",
        "9E         18460        null",
        "and 14 more rows",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (2013, "2013"),
        (0.1 + 0.2, "0.3"),
        (-12.106, "-12.106"),
        (0.0, "0"),
        (1e-9, "1e-09"),
        (1e15, "1e+15"),
        (float("nan"), "nan"),
        ("a\tb\x1b[31m", "a\\tb\\x1b[31m"),
        ([{"value": "a", "count": 2}], '[{"value":"a","count":2}]'),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_values_are_shown_short_and_harmless(value: Value, text: str) -> None:
    """Years keep their digits together, floats lose their noise, control characters their power."""
    assert cell(value) == text


def drawn(run: ObservedRun) -> tuple[list[str], str]:
    """The table and the account as a terminal shows them, without bold and colour."""
    stream = Terminal()
    show(stream, run.report, PREVIEW)
    table, _, lines = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).partition("\n\n")
    return [line.rstrip() for line in table.splitlines()], lines


def test_a_terminal_gets_the_same_table(run: ObservedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is room, a person at the terminal sees what the log would say."""
    monkeypatch.setenv("COLUMNS", "80")
    assert drawn(run)[0] == list(aligned(PREVIEW))


def test_a_table_fits_the_terminal_and_lines_are_not_wrapped(run: ObservedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are cut at the edge; a line is not broken, since it may hold a `file:line`."""
    monkeypatch.setenv("COLUMNS", "20")
    finish(run)
    table, lines = drawn(run)
    assert max(map(len, table)) <= 20
    assert "1 shard, 1 chunk, 100 records, 1000 B read (1.95 KiB decoded)\n" in lines


def test_elsewhere_there_are_no_escape_sequences(run: ObservedRun) -> None:
    """A log or a mail gets plain text, result first."""
    finish(run)
    stream = io.StringIO()
    show(stream, run.report, PREVIEW)
    assert stream.getvalue().startswith("carrier  flights")
    assert "\x1b" not in stream.getvalue()


def test_a_result_without_rows_still_shows_its_columns() -> None:
    """An empty result is a table all the same."""
    assert list(aligned(Preview((("a", "Int64"), ("b", "String")), (), 0))) == ["a  b"]


@pytest.mark.parametrize(("total", "shown"), [(0, True), (2, False)])
def test_a_preview_without_the_rows_of_a_result_is_not_shown(run: ObservedRun, total: int, *, shown: bool) -> None:
    """The first chunk of a filtered job may have none: names of columns and "2 more rows" would say nothing."""
    stream = io.StringIO()
    show(stream, run.report, Preview((("a", "Int64"),), (), total))
    assert stream.getvalue().startswith("a\n") is shown
