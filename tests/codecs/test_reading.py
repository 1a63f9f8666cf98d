"""read_task: whichever way the bytes took, the chunks are those of a Cutter over the whole shard."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.codecs.framing import BOM, Cutter
from pipeline.codecs.reading import read_task
from pipeline.codecs.scan import read_header, scan_lines
from pipeline.codecs.stored import file_version
from pipeline.errors import CorruptInput, InputMissing, InputRefused
from pipeline.model import ChunkBytes, ChunkId, Framing, Lines, Place, Range, Rows, Shard, Span, Stored, Task, Whole

BODIES = st.lists(st.sampled_from([b"a", b"bc", b'"', b"\n", b"\r\n", b"\n\n", BOM, b"long " * 4])).map(b"".join)
SHARDS = st.tuples(st.sampled_from([b"", BOM, BOM[:2]]), BODIES).map(b"".join)
FRAMINGS = st.builds(
    Lines, quote=st.sampled_from(["", '"']), header=st.booleans(), max_record_bytes=st.integers(60, 70)
)


def shard_of(path: str, *, version: bool = True) -> Shard:
    return Shard((3,), "the shard", path, version=file_version(Path(path).stat()) if version else None)


def read(place: Place, framing: Framing, chunk_bytes: int, number: int = 0, **known: object) -> list[ChunkBytes]:
    task = Task(shard_of(place.path, version="/" in place.path), number, place, **known)  # type: ignore[arg-type]
    return list(read_task(task, framing, chunk_bytes, "auto", "utf-8"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def whole(body: bytes, framing: Lines, chunk_bytes: int) -> list[ChunkBytes]:
    cutter = Cutter(framing, chunk_bytes, count_lines=True)
    cuts = cutter.feed(body) + cutter.finish()
    return [
        ChunkBytes(
            ChunkId((3,), cut.number),
            "the shard",
            cut.data,
            cut.first_byte,
            cut.first_line,
            cutter.header,
            cut.oversize,
        )
        for cut in cuts
    ]


@settings(deadline=None)
@given(SHARDS, FRAMINGS, st.integers(1, 90))
@example(BOM + b"a,b\n1,2\n", Lines(header=True), 1)
@example(b'"\n"\n', Lines(quote='"'), 2)
@example(b'aaaa"\n"\nb\n', Lines(quote='"'), 6)
@example(BOM + b"a\nb\n", Lines(), 1)
def test_ranges_of_a_file_give_the_chunks_of_the_file(
    folder: Path, body: bytes, framing: Lines, chunk_bytes: int
) -> None:
    """Laws 1 and 2: every range, read alone with what the scan counted, gives the chunk that the Cutter gives."""
    try:
        expected = whole(body, framing, chunk_bytes)
    except InputRefused:
        return
    path = str(folder / "body")
    Path(path).write_bytes(body)
    header = read_header(path, framing) if framing.header else None
    found, inside, line = [], False, 1
    chunks = -(-len(body) // chunk_bytes)
    scan = scan_lines(path, framing.quote, chunk_bytes, 0, chunks, True)
    for number in range(chunks):
        place = Range(path, number * chunk_bytes, (number + 1) * chunk_bytes, inside)
        found += read(place, framing, chunk_bytes, number, header=header if number else None, first_line=line)
        inside ^= bool(framing.quote) and scan.odd[number]
        line += scan.newlines[number]
    # A range counts no lines past its first chunk, and has only one.
    assert found == expected


@settings(deadline=None)
@given(SHARDS, FRAMINGS, st.integers(1, 90))
def test_the_ways_to_a_worker_give_the_same_chunks(folder: Path, body: bytes, framing: Lines, chunk_bytes: int) -> None:
    """Stored, compressed or not, in an archive or not; a range over everything; and a span a chunk."""
    try:
        expected = whole(body, framing, chunk_bytes)
    except InputRefused:
        return
    plain, packed, zipped = (str(folder / name) for name in ("plain", "packed", "zipped"))
    Path(plain).write_bytes(body)
    Path(packed).write_bytes(gzip.compress(body))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", body)
    uncounted = [*expected[:1], *(replace(chunk, first_line=None) for chunk in expected[1:])]
    assert read(Stored(plain, len(body), "none"), framing, chunk_bytes) == uncounted
    assert read(Stored(packed, Path(packed).stat().st_size, "gzip"), framing, chunk_bytes) == uncounted
    assert read(Stored(packed, Path(packed).stat().st_size, "auto"), framing, chunk_bytes) == uncounted
    assert read(Stored(zipped, len(body), "auto", "member"), framing, chunk_bytes) == uncounted
    everything = read(Range(plain, 0, len(body) // chunk_bytes * chunk_bytes + chunk_bytes), framing, chunk_bytes)
    assert [(c.id, c.data, c.first_byte, c.header) for c in everything] == [
        (c.id, c.data, c.first_byte, c.header) for c in expected
    ]
    for chunk in expected:
        Path(plain).write_bytes(b"before" + chunk.data + b"after")
        span = Span(plain, 6, 6 + len(chunk.data), chunk.first_byte, chunk.oversize)
        known = {"header": chunk.header, "first_line": chunk.first_line}
        assert read(span, framing, chunk_bytes, chunk.id.number, **known) == [chunk]


def test_a_whole_shard_is_one_record(tmp_path: Path) -> None:
    """Whatever the size of a chunk; past the limit it is a reject; an empty shard is none."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"\xef\xbb\xbf\n\x00" * 10)
    (chunk,) = read(Stored(str(path), 50, "none"), Whole(), 3)
    assert (chunk.data, chunk.id.number, chunk.first_byte) == (path.read_bytes(), 0, 0)
    (chunk,) = read(Stored(str(path), 50, "none"), Whole(max_record_bytes=49), 3)
    assert (chunk.data, chunk.oversize[0].length, chunk.oversize[0].lines) == (b"", 50, 11)
    path.write_bytes(b"")
    assert read(Stored(str(path), 0, "none"), Whole(), 3) == []


def test_row_groups_go_to_the_format_as_they_are(tmp_path: Path) -> None:
    """Parquet needs a file, not bytes."""
    place = Rows(str(tmp_path / "a.parquet"), 2)
    assert list(read_task(Task(Shard((0,), "a", "a"), 2, place), Lines(), 10, "auto", "utf-8")) == [place]


@pytest.mark.parametrize("place", [Range("", 0, 10), Range("", 10, 20), Stored("", 25, "none")])
def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path: Path, place: Range | Stored) -> None:
    """Never a mixture of two versions of a file."""
    path = str(tmp_path / "a.csv")
    Path(path).write_bytes(b"1,2\n" * 6)
    shard = shard_of(path)
    Path(path).write_bytes(b"1,2\n" * 5)
    moved = Range(path, place.start, place.stop) if isinstance(place, Range) else Stored(path, 25, "none")
    with pytest.raises(InputRefused, match="the shard: changed while"):
        next(read_task(Task(shard, 0, moved), Lines(), 10, "auto", "utf-8"))


def test_a_file_that_changes_between_two_chunks_is_refused(tmp_path: Path) -> None:
    """The version is compared after the last byte too."""
    path = str(tmp_path / "a.csv")
    Path(path).write_bytes(b"1,2\n" * 6)
    reading = read_task(Task(shard_of(path), 0, Stored(path, 24, "none")), Lines(), 10, "auto", "utf-8")
    next(reading)
    Path(path).write_bytes(b"1,2\n" * 5)
    with pytest.raises(InputRefused, match="the shard: changed while"):
        list(reading)


def test_errors_name_the_shard_once(tmp_path: Path) -> None:
    """Gone, damaged, no archive: the message begins with the shard's name."""
    path = tmp_path / "a.gz"
    shard = Shard((0,), "the shard", str(path))
    for body, place, error, words in [
        (None, Stored(str(path), 1, "gzip"), InputMissing, "no such file"),
        (gzip.compress(b"x")[:-3], Stored(str(path), 1, "auto"), CorruptInput, "the gzip data is cut: it ends at byte"),
        (b"not zip", Stored(str(path), 1, "auto", "m"), CorruptInput, "the zip archive is damaged: File is not"),
    ]:
        if body is not None:
            path.write_bytes(body)
        with pytest.raises(error, match=f"^the shard: {words}"):
            list(read_task(Task(shard, 0, place), Lines(), 10, "auto", "utf-8"))
    with pytest.raises(InputRefused, match=r"^the shard: cannot be read: Is a directory"):
        list(read_task(Task(shard, 0, Stored(str(tmp_path), 1, "none")), Lines(), 10, "auto", "utf-8"))


def test_a_damaged_member_is_found(tmp_path: Path) -> None:
    """A zip member is checked against its CRC, every byte of it."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m", b"some data, some more data\n" * 3)
    body = path.read_bytes()
    start, found = body.index(b"m", 29) + 1, 0
    for at in range(start, body.index(b"PK\x01\x02")):
        path.write_bytes(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
        try:
            (chunk,) = read(Stored(str(path), 1, "none", "m"), Lines(), 1000)
            assert chunk.data == b"some data, some more data\n" * 3, "only bits that pad may change nothing"
        except CorruptInput:
            found += 1
    assert found > 20
