"""Takes a csv chunk apart record by record and names those at fault. Works where the fast path does not.

Bad records cost no more than good ones: a chunk in which every record is bad is read in the same time.
"""

from __future__ import annotations

import polars as pl

from pipeline.model import ChunkBytes, Reject
from pipeline.parse.csv_reader import Reader
from pipeline.parse.faults import good_rows, value_faults
from pipeline.parse.records import Positions, not_utf8, split_records


def read(chunk: ChunkBytes, reader: Reader) -> tuple[pl.DataFrame, Positions, list[Reject]]:
    """The wanted columns of the good records, the lines these stand on, and the others as rejects."""
    grammar = reader.grammar
    records = split_records(chunk, grammar.quote)
    texts = records.texts()
    is_ascii = chunk.data.isascii()
    good: list[int] = []
    accepted: list[bytes] = []
    rejects: list[Reject] = []
    for index, text in enumerate(texts):
        if not text and grammar.width > 1:
            continue
        record = grammar.accept(text)
        fault = record if isinstance(record, str) else None if is_ascii else not_utf8(text)
        if isinstance(record, bytes) and fault is None:
            good.append(index)
            # With its own end: of a field that ends in carriage returns the reader takes the last for a part of it.
            accepted.append(record + records.end(index))
        else:
            rejects.append(records.reject(index, text, fault or ""))
    names, values = reader.lenient(b"".join(accepted))
    assert values.height == len(good), "the reader and the grammar agree on what a record is"
    faults = value_faults(names, values, (column for _, column in reader.layout.wanted))
    rejects += [records.reject(good[row], texts[good[row]], reason) for row, reason in faults.items()]
    lines = records.lines[good]
    if faults:
        kept = good_rows(len(good), faults)
        values, lines = values.filter(kept), lines[kept.to_numpy()]
    return values, lines, rejects
