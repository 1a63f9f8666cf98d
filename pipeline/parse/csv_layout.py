"""Which columns a csv file has, from its header or by position, and which of them the job wants."""

from __future__ import annotations

import csv
import functools
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.errors import InputRefused
from pipeline.model import ChunkBytes, Column, ParseSpec
from pipeline.parse.csv_grammar import Grammar
from pipeline.parse.frames import origin
from pipeline.parse.records import not_utf8, split_records


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one file."""

    names: tuple[str, ...]
    """All of them, in the order of the file."""
    wanted: tuple[tuple[int, Column], ...]
    """Place in the file, and the configured column that it is; ascending by place."""

    def absent(self, spec: ParseSpec) -> tuple[str, ...]:
        """Columns of the spec that the file lacks."""
        return tuple(column.name for column in spec.columns or () if column.name not in self.names)

    def ignored(self, spec: ParseSpec) -> tuple[str, ...]:
        """Columns of the file that nobody has chosen to leave out."""
        wanted = {column.name for _, column in self.wanted}
        return tuple(name for name in self.names if name not in wanted) if spec.inferred else ()


def layout_of(spec: ParseSpec, chunk: ChunkBytes) -> Layout:
    """The layout of the chunk's shard. A configured column that it lacks is not in `wanted`.

    Raises InputRefused, naming the shard, for a header that cannot be read, lacks every configured column, or has
    one of them twice.
    """
    assert spec.columns is not None, "columns are configured or inferred before anything is read"
    if not spec.header:
        return Layout(tuple(column.name for column in spec.columns), tuple(enumerate(spec.columns)))
    with _naming(chunk):
        return _by_name(spec.delimiter, spec.quote, spec.columns, chunk.header, origin(spec))


def inferred_layout(spec: ParseSpec, chunk: ChunkBytes) -> Layout:
    """Every column of the chunk's shard, as text.

    Raises InputRefused, naming the shard, for a header that is missing, cannot be read or has a name twice; without a
    header, for a chunk without a record to count the fields of."""
    with _naming(chunk):
        if spec.header:
            if chunk.header is None:
                raise InputRefused("is empty: there is no header to take the columns from", "parse.columns names them.")
            names = _header_names(spec.delimiter, spec.quote, chunk.header)
        else:
            names = tuple(f"column_{place}" for place in range(1, _first_width(spec, chunk) + 1))
        _check_unique(names, names)
    return Layout(names, tuple(enumerate(Column(name, "string") for name in names)))


@contextmanager
def _naming(chunk: ChunkBytes) -> Iterator[None]:
    try:
        yield
    except InputRefused as error:
        raise InputRefused(f"{chunk.shard_name}: {error.message}", error.hint) from None


def _first_width(spec: ParseSpec, chunk: ChunkBytes) -> int:
    grammar = Grammar(spec.delimiter, spec.quote, 1)
    for text in split_records(chunk, spec.quote).texts():
        if text and isinstance(fields := grammar.fields(text), list):
            return len(fields)
    raise InputRefused("no record to infer the columns from", "parse.columns names them.")


@functools.lru_cache(maxsize=64)
def _by_name(delimiter: str, quote: str, columns: tuple[Column, ...], header: bytes | None, origin: str) -> Layout:
    names = _header_names(delimiter, quote, header)
    _check_unique(names, [column.name for column in columns])
    by_name = {column.name: column for column in columns}
    wanted = tuple((place, by_name[name]) for place, name in enumerate(names) if name in by_name)
    if not wanted:
        raise InputRefused(
            f"the header has none of {origin} {_list(by_name)}",
            f"Its columns: {_list(names)}. Is parse.header, parse.delimiter or parse.columns wrong?",
        )
    return Layout(names, wanted)


def _check_unique(names: Sequence[str], wanted: Iterable[str]) -> None:
    counts = Counter(names)
    twice = [name for name in dict.fromkeys(wanted) if counts[name] > 1]
    if twice:
        raise InputRefused(f"the header has {_list(twice)} more than once", f"Its columns: {_list(names)}")


def _header_names(delimiter: str, quote: str, header: bytes | None) -> tuple[str, ...]:
    """The names in a header record; a nameless column is called column_1 if it is the first, and so on.

    Raises InputRefused for a header that is missing, not UTF-8, or no csv record."""
    if header is None:
        raise InputRefused("has no header", "parse.header: false if the columns have no names.")
    if problem := not_utf8(header):
        raise InputRefused(f"the header is {problem}", "parse.encoding names another encoding.")
    text = io.StringIO(header.decode("utf-8").removesuffix("\r"), newline="")
    try:
        if quote:
            rows = list(csv.reader(text, delimiter=delimiter, quotechar=quote, strict=True))
        else:
            rows = list(csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE))
    except csv.Error as error:
        raise InputRefused(f"the header cannot be read: {error}") from error
    if len(rows) > 1:
        raise InputRefused("the header cannot be read: it has more than one line")
    names = rows[0] if rows else [""]
    return tuple(name or f"column_{place}" for place, name in enumerate(names, start=1))


def _list(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")
