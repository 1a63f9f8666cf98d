"""Decodes a shard to UTF-8 as it streams by. UTF-8 itself goes through as it is: formats check it record by record."""

from __future__ import annotations

import codecs
from typing import Final

from pipeline.errors import CorruptInput

UTF8: Final = "utf-8"


def encoding_name(name: str) -> str:
    """The one spelling of an encoding. Raises ValueError for a name that is none, or none of text."""
    try:
        found = codecs.lookup(name)
        found.incrementaldecoder().decode(b"", final=True).encode(UTF8)
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"{name!r} is not a text encoding") from error
    # The cutter takes a byte order mark off anyway.
    return UTF8 if found.name == "utf-8-sig" else found.name


class Transcoder:
    """One shard's worth of decoding to UTF-8."""

    def __init__(self, encoding: str) -> None:
        self._name = encoding_name(encoding)
        self._decoder = None if self._name == UTF8 else codecs.getincrementaldecoder(self._name)("strict")
        self._fed = 0
        self._damage: CorruptInput | None = None

    def decode(self, data: bytes) -> bytes:
        """What can be decoded so far. Raises CorruptInput at the first byte that has no meaning; what was before it
        has been given out then, by this call's predecessor."""
        return data if self._decoder is None else self._decode(data, final=False)

    def finish(self) -> bytes:
        """The shard is over: the rest, or CorruptInput for half a character."""
        return b"" if self._decoder is None else self._decode(b"", final=True)

    def _decode(self, data: bytes, *, final: bool) -> bytes:
        if self._damage is not None:
            raise self._damage
        assert self._decoder is not None
        before = self._decoder.getstate()
        held = len(before[0])
        try:
            out = self._decoder.decode(data, final).encode(UTF8)
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            at = self._fed - held + start
            self._damage = CorruptInput(f"byte {at:,} is not {self._name}: {getattr(error, 'reason', error)}")
            if start <= held:
                raise self._damage from error
            self._decoder.setstate(before)
            out = self._decoder.decode(data[: start - held]).encode(UTF8)
        self._fed += len(data)
        return out
