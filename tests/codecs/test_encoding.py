"""Decoding to UTF-8 in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.encoding import Transcoder, encoding_name
from pipeline.errors import CorruptInput

TEXT = "station;température\nKöln;21.4\nŁódź;35\n東京;28 𝄞\n"


def transcode(body: bytes, encoding: str, step: int) -> bytes:
    decoder = Transcoder(encoding)
    out = [decoder.decode(body[start : start + step]) for start in range(0, len(body), step)]
    return b"".join([*out, decoder.finish()])


@settings(deadline=None)
@given(
    st.text(), st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "utf-8"]), st.integers(1, 9)
)
def test_any_text_comes_through_any_delivery(text: str, encoding: str, step: int) -> None:
    """The bytes are those of the text in UTF-8, however they were cut."""
    assert transcode(text.encode(encoding), encoding, step) == text.encode()


def test_single_byte_encodings_are_decoded() -> None:
    """latin-1 and cp1252 by name."""
    assert transcode("Köln".encode("latin-1"), "latin1", 1) == "Köln".encode()
    assert transcode("50 €".encode("cp1252"), "windows-1252", 2) == "50 €".encode()


def test_utf8_is_not_checked_here() -> None:
    """A bad byte is its record's fault, not the shard's."""
    assert transcode(b"a\xff\n", "utf8", 1) == b"a\xff\n"


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
def test_the_byte_without_meaning_is_named_and_what_is_before_it_is_given(step: int) -> None:
    """0x81 is nothing in cp1252; a lone surrogate is nothing in UTF-16."""
    for encoding, body, at, before in [
        ("cp1252", b"abc\x81def", 3, b"abc"),
        ("utf-16", "ab".encode("utf-16") + b"\x00\xdc" + "cd".encode("utf-16-le"), 6, b"ab"),
    ]:
        decoder, out = Transcoder(encoding), b""
        rest = iter([*(body[start : start + step] for start in range(0, len(body), step)), b""])
        while len(out) < len(before):
            out += decoder.decode(next(rest))
        with pytest.raises(CorruptInput, match=f"byte {at} is not {encoding}: "):
            out += b"".join(map(decoder.decode, rest))
        assert out == before


def test_half_a_character_at_the_end_is_found() -> None:
    """A cut body is corrupt in UTF-16 too."""
    with pytest.raises(CorruptInput, match="byte 6"):
        transcode("ab€".encode("utf-16")[:-1], "utf-16", 1000)


@pytest.mark.parametrize("name", ["utf-9", "hex", "rot13", "zlib", ""])
def test_a_name_that_is_no_text_encoding_is_refused(name: str) -> None:
    """For the config: ValueError."""
    with pytest.raises(ValueError, match="is not a text encoding"):
        encoding_name(name)


def test_spellings_of_one_encoding_are_one() -> None:
    """utf-8-sig too: the mark is taken off for every shard."""
    assert {encoding_name(name) for name in ("UTF8", "utf-8", "utf_8_sig", "U8")} == {"utf-8"}
    assert encoding_name("Windows-1252") == "cp1252"


def test_text_survives_every_cut() -> None:
    """All of a known text, at every step."""
    for step in range(1, 20):
        assert transcode(TEXT.encode("utf-16"), "utf-16", step) == TEXT.encode()
