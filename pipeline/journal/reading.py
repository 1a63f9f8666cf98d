"""The reading side of the journal: for the workers that combine and join, in canonical order (law 3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby

from pipeline.journal.schema import open_reading, parts_folder
from pipeline.model import ChunkId, Segment, TablePart

_REJECTS = """
SELECT rejects, name, before FROM (
    SELECT *, coalesce(sum(lines) OVER (
        PARTITION BY sort, member ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS before FROM position JOIN task USING (shard)
) WHERE rejects IS NOT NULL ORDER BY sort, member, number
"""


@dataclass(frozen=True, slots=True)
class RejectFile:
    """The rejects of one task, and how many lines of the shard lie before it."""

    path: str
    shard: str
    lines_before: int


def read_partials(path: str) -> Iterator[list[TablePart]]:
    """The partial of each task of each position, in canonical order."""
    folder = parts_folder(path)
    with closing(open_reading(path)) as db:
        rows = db.execute(
            'SELECT sort, member, number, "table", rows, path, inline FROM position JOIN part USING (shard)'
            " ORDER BY 1, 2, 3, 4"
        )
        for _, parts in groupby(rows, key=lambda row: row[:3]):
            yield [
                TablePart(table, count, os.path.join(folder, name) if name else None, inline)
                for *_, table, count, name, inline in parts
            ]


def read_segments(path: str, encoding: str) -> Iterator[tuple[ChunkId, Segment]]:
    """The segments of a row-wise job in one encoding, in canonical order."""
    folder = parts_folder(path)
    with closing(open_reading(path)) as db:
        rows = db.execute(
            "SELECT sort, member, number, path, rows, bytes FROM position JOIN segment USING (shard)"
            " WHERE encoding = ? ORDER BY 1, 2, 3",
            (encoding,),
        )
        for sort, member, number, name, count, size in rows:
            order = tuple(int(part) for key in (sort, member) if key for part in key.split("."))
            yield ChunkId(order, number), Segment(os.path.join(folder, name), count, size)


def read_rejects(path: str) -> Iterator[RejectFile]:
    """The tasks that have rejects, in canonical order."""
    folder = parts_folder(path)
    with closing(open_reading(path)) as db:
        for name, shard, before in db.execute(_REJECTS):
            yield RejectFile(os.path.join(folder, name), shard, before)
