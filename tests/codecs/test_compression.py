"""Inflating: whole bodies, any delivery, and every way of damaging them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.compression import OUTPUT_BYTES, inflater
from pipeline.codecs.detect import compression_of, detect, suffix_compression
from pipeline.errors import CorruptInput

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RAW = b"".join(b"%d\tq_NOUN\t%d\n" % (year, year * 7919 % 1000) for year in range(1800, 1830))


def named_gzip(raw: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile("name.tsv", "wb", fileobj=buffer, mtime=1) as file:
        file.write(raw)
    return buffer.getvalue()


def checked_zstd(raw: bytes) -> bytes:
    return zstd.compress(raw, options={zstd.CompressionParameter.checksum_flag: 1})


SKIPPABLE = b"\x51\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": named_gzip,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": checked_zstd,
}
BODIES: dict[str, tuple[str, bytes]] = {
    **{kind: (kind, compress(RAW)) for kind, compress in COMPRESS.items()},
    **{f"{kind} of two": (kind, compress(RAW[:200]) + compress(RAW[200:])) for kind, compress in COMPRESS.items()},
    "gzip with an empty member": ("gzip", gzip.compress(RAW) + gzip.compress(b"")),
    "zstd with a skippable frame": ("zstd", SKIPPABLE + checked_zstd(RAW)),
}


def inflate(kind: str, body: bytes, step: int | None = None, max_length: int = OUTPUT_BYTES) -> bytes:
    stream = inflater(kind)
    out = []
    for start in range(0, len(body), step or len(body) or 1):
        stream.feed(body[start : start + step] if step else body)
        while piece := (stream.read() if kind == "none" else stream.read(max_length)):  # type: ignore[call-arg]
            assert len(piece) <= max_length
            out.append(piece)
    stream.finish()
    return b"".join(out)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize("max_length", [1, 64, OUTPUT_BYTES])
def test_a_body_is_inflated_however_it_arrives(name: str, step: int | None, max_length: int) -> None:
    """The result is that of the standard library, for any pieces in and any bound on pieces out."""
    kind, body = BODIES[name]
    assert inflate(kind, body, step, max_length) == RAW


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.sampled_from(sorted(COMPRESS)), st.integers(1, 50))
def test_members_follow_each_other(raws: list[bytes], kind: str, step: int) -> None:
    """Any number of members, empty ones too, read as one body."""
    assert inflate(kind, b"".join(map(COMPRESS[kind], raws)), step) == b"".join(raws)


def member_ends(name: str) -> set[int]:
    """Where a body may end and still be whole: that is then a shorter, sound body."""
    kind, body = BODIES[name]
    if kind == "zstd" and body.startswith(SKIPPABLE):
        return {len(SKIPPABLE), len(body)}
    if name.endswith("of two"):
        return {len(COMPRESS[kind](RAW[:200])), len(body)}
    return {len(gzip.compress(RAW)), len(body)} if "empty" in name else {len(body)}


@pytest.mark.parametrize("name", BODIES)
def test_a_cut_at_any_byte_is_found(name: str) -> None:
    """Nothing silent: a body that ends inside a member is corrupt, and the message says at which byte it ends."""
    kind, body = BODIES[name]
    for stop in set(range(len(body))) - member_ends(name):
        with pytest.raises(CorruptInput, match=f"ends at byte {stop:,}"):
            inflate(kind, body[:stop])


@pytest.mark.parametrize("name", BODIES)
def test_a_changed_bit_is_found_or_changes_nothing(name: str) -> None:
    """Each byte in turn: the body is corrupt, or the flip was in a field that says nothing of the data."""
    kind, body = BODIES[name]
    for place in range(len(body)):
        for flip in (0x01, 0x80):
            damaged = body[:place] + bytes([body[place] ^ flip]) + body[place + 1 :]
            try:
                assert inflate(kind, damaged) == RAW, f"byte {place}"
            except CorruptInput:
                continue


@pytest.mark.parametrize("kind", COMPRESS)
def test_what_follows_the_last_member_must_be_a_member(kind: str) -> None:
    """Trailing garbage is not dropped in silence."""
    with pytest.raises(CorruptInput):
        inflate(kind, COMPRESS[kind](RAW) + b"garbage that is no member")


@pytest.mark.parametrize(("kind", "zeros"), [("gzip", 1), ("gzip", 70_000), ("xz", 4), ("xz", 512)])
@pytest.mark.parametrize("step", [None, 3])
def test_padding_that_the_format_allows_is_skipped(kind: str, zeros: int, step: int | None) -> None:
    """Zeros behind the last member, as `gzip -d` and `xz -d` take them; members may go on behind them."""
    body = COMPRESS[kind](RAW) + bytes(zeros)
    assert inflate(kind, body, step) == RAW
    assert inflate(kind, body + COMPRESS[kind](b"more"), step) == RAW + b"more"


@pytest.mark.parametrize(("kind", "zeros"), [("xz", 3), ("bzip2", 4), ("zstd", 4)])
def test_padding_that_the_format_forbids_is_found(kind: str, zeros: int) -> None:
    """xz pads in fours, bzip2 and zstd not at all."""
    with pytest.raises(CorruptInput):
        inflate(kind, COMPRESS[kind](RAW) + bytes(zeros))


def test_a_wrong_length_field_is_found() -> None:
    """gzip's CRC may be right and its length wrong: both are checked."""
    body = bytearray(gzip.compress(RAW))
    body[-1] ^= 1
    with pytest.raises(CorruptInput):
        inflate("gzip", bytes(body))


def test_what_was_inflated_before_the_cut_is_given_out() -> None:
    """A cut body yields its beginning, then the error."""
    body = gzip.compress(RAW, 0)
    stream = inflater("gzip")
    stream.feed(body[:-20])
    assert RAW.startswith(stream.read())
    assert stream.read() == b""
    with pytest.raises(CorruptInput):
        stream.finish()


@pytest.mark.parametrize("kind", COMPRESS)
def test_an_empty_body_is_no_compressed_body(kind: str) -> None:
    """As `gzip -d` sees it: an empty file was cut at byte 0."""
    with pytest.raises(CorruptInput, match="byte 0"):
        inflate(kind, b"")


def test_a_bomb_comes_out_in_bounded_pieces() -> None:
    """Output is bounded a call, whatever the ratio."""
    assert len(inflate("gzip", gzip.compress(bytes(5_000_000)), max_length=10_000)) == 5_000_000


def test_a_header_that_claims_a_huge_dictionary_is_refused() -> None:
    """xz may ask for gigabytes before it gives a byte."""
    body = bytearray(lzma.compress(b"x"))
    block = slice(12, 12 + body[12] * 4)  # the block header, without its CRC
    assert body[14] == 0x21, "an LZMA2 filter, its dictionary size two bytes on"
    body[16] = 40  # 4 GiB
    body[block.stop : block.stop + 4] = zlib.crc32(body[block]).to_bytes(4, "little")
    with pytest.raises(CorruptInput, match="Memory usage limit"):
        inflate("xz", bytes(body))


@pytest.mark.parametrize("kind", COMPRESS)
def test_content_tells_the_compression(kind: str) -> None:
    """Whatever the name says."""
    assert detect(COMPRESS[kind](b"")[:10]) == detect(COMPRESS[kind](RAW)[:10]) == kind
    assert compression_of(COMPRESS[kind](RAW)[:10], "data.txt") == kind
    assert compression_of(b"ngram\t1999", f"x.{kind}") == "none"


@pytest.mark.parametrize(("suffix", "kind"), [(".gz", "gzip"), (".bz2", "bzip2"), (".xz", "xz"), (".zst", "zstd")])
def test_a_body_too_short_to_tell_is_what_its_name_says(suffix: str, kind: str) -> None:
    """A cut at any byte is found through the name too: the first byte of a gzip file is not a record."""
    body = COMPRESS[kind](RAW)
    for stop in range(12):
        found = compression_of(body[:stop][:10], f"https://host/x{suffix}?sig=.zip")
        assert found == kind
        with pytest.raises(CorruptInput):
            inflate(found, body[:stop])
    assert compression_of(b"\xc3", f"x{suffix}") == compression_of(b"", "x.csv") == "none"


def test_text_that_begins_like_bzip2_is_text() -> None:
    """Four letters are not enough."""
    assert detect(b"BZh9 is a station") == "none"
    assert detect(b"PK\x03\x04") == "zip"
    assert suffix_compression("A.TSV.GZ") == "gzip"
