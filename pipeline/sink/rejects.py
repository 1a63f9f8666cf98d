"""Rejects: a worker writes those of its task, and at the end of a run all become `out/<name>.rejects.ndjson`.

One object a reject: `shard`, `line` (from 1, in the decoded shard), `byte`, `reason`, `raw`. A worker that does not
know how many lines came before its chunk writes `chunk_line` (from 0) instead; the join, which is told, makes `line`
of it. Nothing here holds more than one reject in memory. No loop is needed: run the join in a worker or a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import orjson

from pipeline.sink.atomic import output_errors


class RejectPart(Protocol):
    """The rejects of one task."""

    @property
    def path(self) -> str:
        """What the worker wrote."""

    @property
    def lines_before(self) -> int | None:
        """Physical lines of the shard before the task's first record; None: unknown, `chunk_line` stays."""


def join_rejects(parts: Iterable[RejectPart], path: str) -> int:
    """Writes the rejects of a run, parts in canonical order, to one file; returns how many. Each part is asked for
    when the one before has been copied. Raises OutputError."""
    count = 0
    with output_errors(path), open(path, "wb") as file:
        for line in _lines(parts):
            file.write(line)
            count += 1
    return count


def _lines(parts: Iterable[RejectPart]) -> Iterator[bytes]:
    for part in parts:
        with open(part.path, "rb") as file:
            for line in file:
                yield line if part.lines_before is None else _numbered(line, part.lines_before)


def _numbered(line: bytes, lines_before: int) -> bytes:
    record = orjson.loads(line)
    if "chunk_line" not in record:
        return line
    shard, local = record.pop("shard"), record.pop("chunk_line")
    return orjson.dumps({"shard": shard, "line": lines_before + local + 1} | record, option=orjson.OPT_APPEND_NEWLINE)
