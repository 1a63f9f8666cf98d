"""Decoding: what it keeps, and how long one turn of it takes."""

from __future__ import annotations

import gzip
import weakref
from collections.abc import Callable, Iterator

import pytest

from pipeline.codecs.compression import OUTPUT_BYTES, STEP_BYTES
from pipeline.codecs.cut import Cut
from pipeline.codecs.decoding import Decoding
from pipeline.codecs.framing import Cutter
from pipeline.model import Lines

WAYS: dict[str, Callable[[Decoding], Iterator[Cut | None]]] = {
    "feed": lambda decoding: decoding.feed(b"12\n45\n" * 9),
    "steps": lambda decoding: decoding.steps(b"12\n45\n" * 9),
    "finish": lambda decoding: decoding.finish(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_chunk_that_was_taken_is_let_go(way: str) -> None:
    """Who takes it may have to wait, for budget or for a worker, and the rest of the stream waits with it."""
    decoding = Decoding("none", "utf-8", Cutter(Lines(), 6))
    if way == "finish":
        assert all(decoding.feed(b"12\n45\n12\n"))
    cuts = WAYS[way](decoding)
    cut = next(cuts)
    assert cut is not None
    (piece,) = cut.pieces
    assert isinstance(piece, memoryview)
    taken = weakref.ref(piece)
    del cut, piece
    assert taken() is None


def test_a_step_is_bounded_whatever_the_body_inflates_to() -> None:
    """A record that never ends completes no chunk: the steps end all the same, and feed does not show them."""

    class Counting(Cutter):
        fed = 0

        def feed(self, data: bytes) -> list[Cut]:
            self.fed += len(data)
            return super().feed(data)

    bomb = gzip.compress(b"0" * (5 * STEP_BYTES) + b"\n")
    cutter = Counting(Lines(max_record_bytes=100), 1000)
    before = 0
    for cut in Decoding("gzip", "utf-8", cutter).steps(bomb):
        assert cut is None or cutter.fed == 5 * STEP_BYTES + 1
        assert cutter.fed - before < STEP_BYTES + OUTPUT_BYTES
        before = cutter.fed
    (cut,) = Decoding("gzip", "utf-8", Cutter(Lines(max_record_bytes=100), 1000)).feed(bomb)
    assert cut.oversize[0].length == 5 * STEP_BYTES
