"""What the text formats share: rows become bytes in blocks, segments become a file by being laid end to end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.model import Segment, SinkSpec
from pipeline.sink.atomic import output_errors
from pipeline.sink.encoders.compression import COMPRESSIONS, Member, member
from pipeline.sink.encoders.concatenate import concatenate

BLOCK_ROWS = 65_536
"""Rows turned into text at once: what bounds the memory of a large frame's text."""


class TextEncoder(ABC):
    """Rows as bytes, with something before, between and after them.

    Without compression the output depends on the rows only; with it, each segment is a member of its own, so the
    bytes (not what they decompress to) depend on where the segments were cut as well. Raises OutputError.
    """

    separator: ClassVar[bytes] = b""
    """Between two segments."""
    epilogue: ClassVar[bytes] = b""

    def __init__(self, spec: SinkSpec) -> None:
        if spec.compression not in COMPRESSIONS:
            raise ValueError(f"{spec.path}: compression {spec.compression} is not one of {', '.join(COMPRESSIONS)}")
        self._compression = spec.compression

    @abstractmethod
    def rows(self, frame: pl.DataFrame) -> bytes:
        """The rows of a frame that has at least one."""

    def prologue(self, schema: pl.Schema) -> bytes:  # noqa: ARG002 - csv needs it
        return b""

    def write(self, frame: pl.DataFrame, path: str) -> Segment:
        """A segment: the rows alone. No rows, an empty file."""
        with output_errors(path, "run.state"), open(path, "wb") as file:
            into = Member(file, self._compression)
            for number, block in enumerate(frame.iter_slices(BLOCK_ROWS) if frame.height else ()):
                if number:
                    into.write(self.separator)
                into.write(self.rows(block))
            into.close()
        return Segment(path, frame.height, Path(path).stat().st_size)

    def join(self, segments: Sequence[str], schema: pl.Schema, path: str) -> None:
        with output_errors(path):
            filled = [segment for segment in segments if Path(segment).stat().st_size]
            concatenate(self._pieces(filled, schema), path)

    def _pieces(self, segments: Sequence[str], schema: pl.Schema) -> Iterator[bytes | str]:
        yield member(self.prologue(schema), self._compression)
        for number, segment in enumerate(segments):
            if number:
                yield member(self.separator, self._compression)
            yield segment
        yield member(self.epilogue, self._compression)
