"""One shard from its stored bytes to its chunks: inflated, decoded to UTF-8 and cut, as it streams by."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.codecs.compression import STEP_BYTES, inflater
from pipeline.codecs.cut import Cut, Cuts
from pipeline.codecs.encoding import Transcoder


class Decoding:
    """Memory: what the cutter holds, and a bounded piece on the way there, whatever the body inflates to. A chunk that
    was given out is not kept: test_a_chunk_that_was_taken_is_let_go.

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
        return filter(None, self.steps(stored))

    def steps(self, stored: bytes) -> Iterator[Cut | None]:
        """As `feed`, with None wherever `STEP_BYTES` were inflated and no chunk was complete: a kilobyte may inflate to
        a gigabyte within one record, and who wants to stop must be able to."""
        self._inflater.feed(stored)
        inflated = 0
        while data := self._inflater.read():
            inflated += len(data)
            cuts = self._cutter.feed(self._transcoder.decode(data))
            if cuts:
                inflated = 0
            yield from _one_by_one(cuts)
            if inflated >= STEP_BYTES:
                inflated = 0
                yield None

    def finish(self) -> Iterator[Cut]:
        """The body is over."""
        self._inflater.finish()
        yield from _one_by_one(self._cutter.feed(self._transcoder.finish()))
        yield from _one_by_one(self._cutter.finish())


def _one_by_one(cuts: list[Cut]) -> Iterator[Cut]:
    """Takes them out of the list, so that nothing keeps one that was given out."""
    cuts.reverse()
    while cuts:
        yield cuts.pop()
