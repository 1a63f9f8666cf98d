"""Rejects: a worker writes those of its task, and at the end of a run all become `out/<name>.rejects.ndjson`.

One object a reject: `shard`, `line` (from 1, in the decoded shard), `byte`, `reason`, `raw`. A worker that does not
know how many lines came before its chunk writes `chunk_line` (from 0) instead; the join, which is told, makes `line`
of it. Nothing here holds more than one reject, or one task's, in memory. No loop is needed: run the join in a worker
or a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Protocol

import orjson

from pipeline.model import Reject
from pipeline.sink.atomic import Disk, output_errors, probe, show, sync_or_remove, target_of, temporary_name


class RejectPart(Protocol):
    """The rejects of one task."""

    @property
    def path(self) -> str:
        """What `write_rejects` wrote."""

    @property
    def lines_before(self) -> int | None:
        """Physical lines of the shard before the task's first record; None: unknown, `chunk_line` stays."""


def write_rejects(rejects: Sequence[Reject], shard: str, first_line: int | None, path: str) -> None:
    """Writes the rejects of one task of `shard`; `first_line` is the physical line of its first record, where known.
    Raises OutputError."""
    with output_errors(path), open(path, "wb") as file:
        for reject in rejects:
            place: dict[str, object] = (
                {"chunk_line": reject.line} if first_line is None else {"line": first_line + reject.line}
            )
            file.write(_encode({"shard": shard, **place}, reject))


def _encode(start: dict[str, object], reject: Reject) -> bytes:
    record = start | {"byte": reject.byte, "reason": reject.reason, "raw": reject.raw}
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate, which UTF-8 has no bytes for
        clean = {key: _clean(value) if isinstance(value, str) else value for key, value in record.items()}
        return orjson.dumps(clean, option=orjson.OPT_APPEND_NEWLINE)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def commit_rejects(parts: Iterable[RejectPart], path: str, run: str, disk: Disk | None = None) -> int:
    """Puts the rejects of a run, parts in canonical order, in place at `path`, all or nothing; returns how many.

    Without any, the file that an earlier run left is removed: what is there is always about the last run. Raises
    OutputError, and leaves the old file then.
    """
    disk = disk or Disk()
    lines = _lines(parts)
    first = next(lines, None)
    if first is None:
        with output_errors(path):
            if Path(path).is_file():
                disk.remove(Path(path))
                disk.sync_folder(Path(path).parent)
        return 0
    probe(path, run, disk)
    target = target_of(path)
    temporary = temporary_name(target, run)
    with output_errors(path):
        try:
            with temporary.open("wb") as file:
                count = _write_all(chain((first,), lines), file)
            sync_or_remove(temporary, disk)
            show(temporary, target, disk)
        finally:
            disk.remove(temporary)
    return count


def _write_all(lines: Iterable[bytes], file: IO[bytes]) -> int:
    count = 0
    for line in lines:
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
