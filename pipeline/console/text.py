"""The account of a run for people: the first rows of the result, where it is, how much and how long, what limited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import orjson

from pipeline.console.limit import limit
from pipeline.console.report import Report
from pipeline.console.streams import say
from pipeline.console.summary import Value
from pipeline.console.totals import START, Totals, load
from pipeline.console.units import counted, duration, percent, safe, short, size

CELL = 40
"""Characters of one value that are shown."""
NUMBERS = ("int", "uint", "float", "decimal")


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a result."""

    columns: tuple[tuple[str, str], ...]
    """(name, type)."""
    rows: tuple[tuple[Value, ...], ...]
    total: int | None = None
    """Rows of the whole result, where known."""

    @classmethod
    def read(cls, path: str, total: int | None = None) -> Preview:
        """From a file with {"columns": [[name, type], ...], "rows": [[value, ...], ...]}."""
        document = orjson.loads(Path(path).read_bytes())
        return cls(
            tuple((name, type) for name, type in document["columns"]), tuple(map(tuple, document["rows"])), total
        )

    @classmethod
    def of_lines(cls, columns: Sequence[tuple[str, str]], path: str) -> Preview:
        """From an ndjson file of rows with these (name, type) columns."""
        with open(path, "rb") as file:
            rows = tuple(tuple(orjson.loads(line).values()) for line in file)
        return cls(tuple(columns), rows)


@dataclass(frozen=True, slots=True)
class Rejects:
    """The file of rejects: where it is, how many there are, and the first few as `file:line: reason`."""

    path: str
    count: int
    records: int
    """In all, these included."""
    first: tuple[str, ...]

    @classmethod
    def read(cls, path: str, count: int, records: int, show: int = 3) -> Rejects:
        """Reads no more of the file than it shows."""
        with open(path, "rb") as file:
            first = tuple(_reject(orjson.loads(line)) for line, _ in zip(file, range(show), strict=False))
            return cls(path, count, records, first)


def _reject(record: dict[str, Value]) -> str:
    place = f":{record['line']}" if "line" in record else f": byte {record['byte']}"
    return f"{record['shard']}{place}: {record['reason']}"


def show(stream: TextIO, report: Report, preview: Preview | None = None, rejects: Rejects | None = None) -> None:
    """Writes the account to `stream`: with rich's table on a terminal, as aligned text elsewhere. A preview that has
    none of the rows of a result is left out.

    What a file, a server or a value brought in is shown with its control characters spelled out.
    """
    lines: list[str] = []
    if preview is not None and preview.columns and (preview.rows or not preview.total):
        if stream.isatty():
            _draw(stream, preview)
        else:
            lines += aligned(preview)
        lines.append("")
    lines += account(report, rejects)
    say("".join(line + "\n" for line in lines), stream)


def account(report: Report, rejects: Rejects | None = None) -> Iterator[str]:
    """Line by line: outputs, amounts, time, load, limit, and what was left out and why."""
    totals = report.totals()
    if totals.shards_same and not totals.shards and not report.outputs:
        yield f"nothing has changed: {counted(totals.shards_same, 'shard')}; every output is what it should be"
        yield from left_out(report, rejects)
        return
    for output in report.outputs:
        yield f"{safe(output.path)}: {counted(output.rows, 'row')}, {size(output.bytes)}"
    if totals.shards:
        yield from _amounts(totals)
    else:
        yield f"nothing to read: {counted(totals.shards_same, 'shard')} unchanged; {duration(totals.at_s)}"
    if totals.retries or totals.deaths:
        yield f"coped with: {counted(totals.retries, 'retry')}, {counted(totals.deaths, 'worker death')}"
    yield from (f"note: {safe(notice)}" for notice in report.notices)
    yield from left_out(report, rejects)


def _amounts(totals: Totals) -> Iterator[str]:
    """Amounts, time, load and limit of a run that had something to read."""
    same = f" (and {totals.shards_same:,} unchanged)" if totals.shards_same else ""
    yield (
        f"{counted(totals.shards_fetched, 'shard')}{same}, {counted(totals.chunks, 'chunk')}, "
        f"{counted(totals.records, 'record')}, {size(totals.bytes_in)} read ({size(totals.bytes_decoded)} decoded)"
    )
    busy = load(START, totals)
    limited = limit(busy)
    speed = totals.records / totals.at_s if totals.at_s > 0 else 0.0
    yield f"{duration(totals.at_s)}, of which {duration(totals.starting_s)} start-up; {short(speed)} records/s"
    source = f"network {percent(busy.network)}" + ("" if busy.remote else f", source {percent(busy.fetch)}")
    yield f"busy: {source}, cores {percent(busy.cores)}, disk {percent(busy.disk)}"
    advice = f" ({limited.advice})" if limited.advice else ""
    name = "nothing in particular" if limited.name == "nothing" else limited.name
    yield f"limit: {name}: {limited.why}{advice}"


def left_out(report: Report, rejects: Rejects | None = None, *, kept: bool = True) -> Iterator[str]:
    """Law 7: every record and shard that is not in the result. Nothing where nothing was left out. `kept`: the file of
    rejects is there to be looked at."""
    if rejects is not None and rejects.count:
        share = f"{rejects.count:,} of {counted(rejects.records, 'record')}"
        where = f", kept in {safe(rejects.path)}" if kept else ""
        yield f"rejected: {share}{where}"
        yield from _first(rejects.first, rejects.count)
    if report.skipped:
        yield f"left out: {counted(len(report.skipped), 'shard')}"
        yield from _first([f"{shard.name}: {shard.reason}" for shard in report.skipped[:3]], len(report.skipped))
    if chunks := report.chunks_left_out:
        yield f"left out: {counted(len(chunks), 'chunk')} (--retry-failed tries again)"
        yield from _first([f"{chunk.place}: {chunk.reason}, {chunk.deaths} times" for chunk in chunks[:3]], len(chunks))


def _first(texts: Sequence[str], count: int) -> Iterator[str]:
    for text in texts:
        yield f"  {safe(text)}"
    if count > len(texts):
        yield f"  and {count - len(texts):,} more"


def aligned(preview: Preview) -> Iterator[str]:
    """The rows as text in columns: numbers to the right, a cell at most `CELL` characters wide."""
    cells = [[cell(name) for name, _ in preview.columns], *([cell(value) for value in row] for row in preview.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [is_number(type) for _, type in preview.columns]
    for row in cells:
        texts = (
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        )
        yield "  ".join(texts).rstrip()
    if more := rows_not_shown(preview):
        yield more


def rows_not_shown(preview: Preview) -> str:
    hidden = (preview.total or 0) - len(preview.rows)
    return f"and {counted(hidden, 'more row')}" if hidden > 0 else ""


def is_number(type: str) -> bool:
    return type.lower().startswith(NUMBERS)


def cell(value: Value) -> str:
    """One value as text: four decimals at most, `null` for a missing one."""
    match value:
        case None:
            text = "null"
        case bool():
            text = "true" if value else "false"
        case float():
            text = f"{value:.4f}".rstrip("0").rstrip(".") if 1e-3 <= abs(value) < 1e12 else f"{value:.4g}"
        case str():
            text = safe(value)
        case list() | dict():
            text = safe(orjson.dumps(value).decode())
        case _:
            text = str(value)
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def _draw(stream: TextIO, preview: Preview) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for importing it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, type in preview.columns:
        justify = "right" if is_number(type) else "left"
        table.add_column(Text(cell(name)), justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for row in preview.rows:
        table.add_row(*(Text(cell(value)) for value in row))
    console = Console(file=stream)
    console.print(table)
    if more := rows_not_shown(preview):
        console.print(Text(more, "dim"))
