"""One shard from its stored bytes to its chunks: inflated, decoded to UTF-8 and cut, as it streams by."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.codecs.compression import inflater
from pipeline.codecs.cut import Cut, Cuts
from pipeline.codecs.encoding import Transcoder


class Decoding:
    """Memory: what the cutter holds, and a bounded piece on the way there, whatever the body inflates to.

    Raises CorruptInput and InputRefused without the shard's name: who reads the shard knows it.
    """

    def __init__(self, compression: str, encoding: str, cutter: Cuts) -> None:
        self._inflater = inflater(compression)
        self._transcoder = Transcoder(encoding)
        self._cutter = cutter

    @property
    def header(self) -> bytes | None:
        """The header record, once it has been seen: before the first chunk."""
        return self._cutter.header

    def feed(self, stored: bytes) -> Iterator[Cut]:
        """Takes stored bytes and gives the chunks that they complete, one at a time. Run it to the end."""
        self._inflater.feed(stored)
        while inflated := self._inflater.read():
            yield from self._cutter.feed(self._transcoder.decode(inflated))

    def finish(self) -> Iterator[Cut]:
        """The body is over."""
        self._inflater.finish()
        yield from self._cutter.feed(self._transcoder.finish())
        yield from self._cutter.finish()
