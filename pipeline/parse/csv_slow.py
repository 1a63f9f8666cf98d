"""Takes a csv chunk apart and names the records at fault. Works where the fast path does not.

Whole columns of records are judged at once: fields are counted, quotes matched, values cast. One by one go only those
records whose quotes are odd: test_a_chunk_of_bad_records_is_read_in_one_go.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.model import ChunkBytes
from pipeline.parse.csv_grammar import Grammar
from pipeline.parse.csv_reader import Reader
from pipeline.parse.faults import faults_in, faults_of, first_faults, good_rows, value_faults
from pipeline.parse.records import Positions, Records, split_records
from pipeline.parse.reject_table import RejectTable, rejected

_Mask = npt.NDArray[np.bool_]


def read(chunk: ChunkBytes, reader: Reader) -> tuple[pl.DataFrame, Positions, RejectTable]:
    """The wanted columns of the good records, the lines these stand on, and the others as rejects."""
    grammar = reader.grammar
    records = split_records(chunk, grammar.quote)
    blank = records.lengths == 0 if grammar.width > 1 else np.zeros(len(records), np.bool_)
    mended, odd = _odd_quotes(records, grammar)
    faults = first_faults(odd, _miscounted(records, grammar, blank), records.undecodable())
    accepted = good_rows(len(records), faults).to_numpy() & ~blank
    good = np.flatnonzero(accepted)
    texts, values = reader.lenient(_joined(records, accepted, mended))
    assert values.height == len(good), "the reader and the grammar agree on what a record is"
    refused = value_faults(texts, values, (column for _, column in reader.layout.wanted))
    rejects = RejectTable(
        rejected(records, faults["row"].to_numpy(), faults["reason"]),
        rejected(records, good[refused["row"].to_numpy()], refused["reason"]),
    )
    kept = good_rows(len(good), refused)
    return values.filter(kept), records.lines[good[kept.to_numpy()]], rejects


def _miscounted(records: Records, grammar: Grammar, blank: _Mask) -> pl.DataFrame:
    """Records without quotes that have too few or too many fields."""
    found = records.count(grammar.delimiter) + 1
    wrong = (found != grammar.width) & ~blank
    if grammar.quote:
        wrong &= records.count(grammar.quote) == 0
    counts = pl.Series("found", found[wrong])
    ending = pl.when(pl.col("found") == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    reason = pl.format(f"{{}} field{{}}, {grammar.width} expected", "found", ending)
    return faults_of(pl.Series(np.flatnonzero(wrong)), counts.to_frame().select(reason).to_series())


def _odd_quotes(records: Records, grammar: Grammar) -> tuple[dict[int, bytes], pl.DataFrame]:
    """Of the records with quotes elsewhere than around fields: those that can be mended, as the reader takes them, and
    why the others cannot."""
    mended: dict[int, bytes] = {}
    faults: dict[int, str] = {}
    quoted = np.flatnonzero(records.count(grammar.quote)) if grammar.quote else np.zeros(0, np.int64)
    for index in quoted[~records.match(quoted, grammar.regular())].tolist():
        text = records.text(index)
        record = grammar.accept(text)
        if isinstance(record, str):
            faults[index] = record
        elif record != text:
            mended[index] = record
    return mended, faults_in(faults)


def _joined(records: Records, accepted: _Mask, mended: Mapping[int, bytes]) -> bytes:
    """The data of the accepted records, each with its own end: of a field that ends in carriage returns the reader
    takes the last for a part of it."""
    data = np.frombuffer(records.chunk.data, np.uint8)
    bounds = np.append(records.starts, len(data))
    kept = np.repeat(accepted, np.diff(bounds))
    pieces: list[bytes] = []
    at = 0
    for index in [index for index in sorted(mended) if accepted[index]]:
        start = int(bounds[index])
        pieces += [data[at:start][kept[at:start]].tobytes(), mended[index], records.end(index)]
        at = int(bounds[index + 1])
    joined = b"".join([*pieces, data[at:][kept[at:]].tobytes()])
    return joined if joined.endswith(b"\n") or not joined else joined + b"\n"
