"""Where chunks are cut: laws 1 and 2."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.codecs.cut import Cut
from pipeline.codecs.ends import first_end, inside_after, last_end
from pipeline.codecs.framing import BOM, Cutter
from pipeline.codecs.oversize import PREFIX_BYTES
from pipeline.errors import InputRefused
from pipeline.model import Lines, Oversize

BODIES = st.one_of(
    st.lists(st.sampled_from([b"a", b"bc", b'"', b"\n", b"\r\n", b"\n\n", b",", b"\xef", b"long " * 4])).map(b"".join),
    st.binary(max_size=60),
)
SHARDS = st.tuples(st.sampled_from([b"", BOM, BOM[:2]]), BODIES).map(b"".join)
FRAMINGS = st.builds(Lines, quote=st.sampled_from(["", '"']), header=st.booleans(), max_record_bytes=st.integers(1, 40))
CUT_PLACES = st.lists(st.integers(0, 80))


def deliver(cutter: Cutter, body: bytes, places: list[int]) -> list[Cut]:
    """Feeds the body cut at these places."""
    bounds = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    cuts = [cut for start, stop in pairwise(bounds) for cut in cutter.feed(body[start:stop])]
    return cuts + cutter.finish()


def plain(cut: Cut) -> tuple[int, bytes, int, int, int | None, tuple[Oversize, ...]]:
    return (cut.number, cut.data, cut.size, cut.first_byte, cut.first_line, cut.oversize)


def records_of(body: bytes, quote: str) -> list[tuple[int, bytes, bytes]]:
    """Every record: its first byte, its content, its newline. The rule, spelled out byte by byte."""
    at = len(BOM) if body.startswith(BOM) else 0
    found, start, inside = [], at, False
    for index in range(at, len(body)):
        inside ^= bool(quote) and body[index] == ord(quote)
        if body[index] == ord("\n") and not inside:
            found.append((start, body[start:index], b"\n"))
            start = index + 1
    return [*found, (start, body[start:], b"")] if start < len(body) else found


def expected(body: bytes, framing: Lines, chunk_bytes: int) -> tuple[bytes | None, list[object]]:
    """Header and chunks by the rule. None for the chunks where the header is too long."""
    records = records_of(body, framing.quote)
    header = None
    if framing.header and records:
        _, header, newline = records.pop(0)
        if len(header) > framing.max_record_bytes:
            return None, []
        header = header.removesuffix(b"\r") if newline else header
    chunks: list[object] = []
    for number in sorted({start // chunk_bytes for start, _, _ in records}):
        mine = [record for record in records if record[0] // chunk_bytes == number]
        first_byte = mine[0][0]
        data, oversize, lines = b"", [], 0
        for start, content, newline in mine:
            taken = content.count(b"\n") + 1
            if len(content) > framing.max_record_bytes:
                prefix = content[: min(PREFIX_BYTES, framing.max_record_bytes + 1)]
                oversize.append(Oversize(start, lines, len(content), prefix, taken))
            else:
                data += content + newline
            lines += taken
        first_line = body[:first_byte].count(b"\n") + 1
        chunks.append((number, data, len(data), first_byte, first_line, tuple(oversize)))
    return header, chunks


@settings(deadline=None)
@given(SHARDS, FRAMINGS, st.integers(1, 90), CUT_PLACES)
@example(b'a,"b\nc"\n', Lines(quote='"'), 1, [3])
@example(b"x" * 41 + b"\n", Lines(max_record_bytes=40), 7, [])
@example(b"x" * 41, Lines(max_record_bytes=40), 7, [])
@example(b"x" * 40 + b"\n", Lines(max_record_bytes=40), 7, [40])
def test_chunks_are_the_records_that_start_in_them_however_the_bytes_arrive(
    body: bytes, framing: Lines, chunk_bytes: int, places: list[int]
) -> None:
    """Law 1: the cuts follow from the bytes and the size of a chunk. Law 2: the chunks, in order, are the records."""
    header, chunks = expected(body, framing, chunk_bytes)
    cutter = Cutter(framing, chunk_bytes, count_lines=True)
    if framing.header and header is None and records_of(body, framing.quote):
        with pytest.raises(InputRefused, match="header is longer"):
            deliver(cutter, body, places)
        return
    assert [plain(cut) for cut in deliver(cutter, body, places)] == chunks
    assert cutter.header == header


@settings(deadline=None)
@given(SHARDS, FRAMINGS, st.integers(1, 90), CUT_PLACES)
def test_lines_that_are_not_counted_are_unknown_and_change_nothing_else(
    body: bytes, framing: Lines, chunk_bytes: int, places: list[int]
) -> None:
    """Without counting, only the first chunk knows its line, and it knows it right."""
    try:
        counted = deliver(Cutter(framing, chunk_bytes, count_lines=True), body, [])
    except InputRefused:
        return
    cuts = deliver(Cutter(framing, chunk_bytes), body, places)
    assert [cut.data for cut in cuts] == [cut.data for cut in counted]
    assert [cut.first_line for cut in cuts] == [cut.first_line if cut is counted[0] else None for cut in counted]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b'"', b"\n", b"ab", b'","', b'"\n"'])).map(b"".join), st.integers(0, 200), st.booleans()
)
def test_the_last_record_end_is_found_however_many_quotes_lie_behind_it(body: bytes, start: int, inside: bool) -> None:
    """Walking back from the end gives what reading forward gives, past the number of steps it walks too."""
    body *= 40
    found, at, open_quote = -1, start, inside
    while (end := first_end(body, at, len(body), '"', inside=open_quote)) >= 0:
        found, at, open_quote = end, end + 1, False
    after = inside_after(body, start, len(body), '"', inside=inside)
    assert last_end(body, start, len(body), '"', inside=inside, inside_at_stop=after) == found


def test_a_cutter_lets_an_endless_record_go() -> None:
    """Memory is bounded: a record of any length is held no further than the limit."""
    cutter = Cutter(Lines(max_record_bytes=1000), 4000)
    for _ in range(1000):
        assert cutter.feed(b"x" * 999) == []
        assert sum(len(piece) for piece in cutter._pieces) <= 1001
    (cut,) = cutter.feed(b"\n" + b"y\n" * 10)[:1]
    assert (cut.data, cut.oversize) == (b"", (Oversize(0, 0, 999_000, b"x" * 200),))
