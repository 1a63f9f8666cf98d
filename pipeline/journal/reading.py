"""The reading side of the journal: for the workers that combine and join, in canonical order (law 3).

All raise OutputError for a journal that is damaged where the parent, which does not read the partials, has not looked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby

from pipeline.journal.schema import journal_errors, open_reading, parts_folder
from pipeline.model import ChunkId, Segment, TablePart

_REJECTS = """
SELECT rejects, rejects_crc, name, CASE WHEN tasks = number THEN before END FROM (
    SELECT *, coalesce(sum(lines) OVER earlier, 0) AS before, count(*) OVER earlier AS tasks
    FROM position JOIN task USING (shard) WINDOW earlier AS (
        PARTITION BY sort, member ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
) WHERE rejects IS NOT NULL ORDER BY sort, member, number
"""


@dataclass(frozen=True, slots=True)
class RejectFile:
    """The rejects of one task, and how many lines of the shard lie before it; None where a chunk before it is not in
    the journal: given up, or not done yet."""

    path: str
    shard: str
    lines_before: int | None
    crc: int | None = None


def read_partials(path: str) -> Iterator[list[TablePart]]:
    """The partial of each task of each position, in canonical order."""
    folder = parts_folder(path)
    with journal_errors(path), closing(open_reading(path)) as db:
        rows = db.execute(
            'SELECT sort, member, number, "table", rows, path, inline, crc FROM position JOIN part USING (shard)'
            " ORDER BY 1, 2, 3, 4"
        )
        for _, parts in groupby(rows, key=lambda row: row[:3]):
            yield [
                TablePart(table, count, os.path.join(folder, name) if name else None, inline, crc)
                for *_, table, count, name, inline, crc in parts
            ]


def read_segments(path: str, encoding: str) -> Iterator[tuple[ChunkId, Segment]]:
    """The segments of a row-wise job in one encoding, in canonical order."""
    folder = parts_folder(path)
    with journal_errors(path), closing(open_reading(path)) as db:
        rows = db.execute(
            "SELECT sort, member, number, path, rows, bytes, crc FROM position JOIN segment USING (shard)"
            " WHERE encoding = ? ORDER BY 1, 2, 3",
            (encoding,),
        )
        for sort, member, number, name, count, size, crc in rows:
            order = tuple(int(part) for key in (sort, member) if key for part in key.split("."))
            yield ChunkId(order, number), Segment(os.path.join(folder, name), count, size, crc)


def read_rejects(path: str) -> Iterator[RejectFile]:
    """The tasks that have rejects, in canonical order."""
    folder = parts_folder(path)
    with journal_errors(path), closing(open_reading(path)) as db:
        for name, crc, shard, before in db.execute(_REJECTS):
            yield RejectFile(os.path.join(folder, name), shard, before, crc)
