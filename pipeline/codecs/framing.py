"""Cuts a decoded shard into chunks of whole records, as its bytes stream by.

The rule (laws 1 and 2). Positions count from the first byte of the decoded shard, byte order mark and header
included. Chunk k holds exactly the records whose first byte lies in [k * chunk_bytes, (k + 1) * chunk_bytes). So a
cut depends on the bytes and on `chunk_bytes` alone: any way of delivering the bytes, and any way of reading a range
of them (`codecs.reading`), gives the same chunks. A chunk in which no record starts is not made; its number stays
free. A byte order mark and the header record belong to no chunk.
"""

from __future__ import annotations

from typing import Final

from pipeline.codecs.cut import Cut
from pipeline.codecs.ends import first_end, inside_after, last_end
from pipeline.codecs.oversize import Skipping, newlines, split
from pipeline.errors import InputRefused
from pipeline.model import Lines, Oversize

BOM = b"\xef\xbb\xbf"
_NO_RUN: Final = (b"", 0, -1)


class Cutter:
    """Cuts `Lines`.

    Holds at most a chunk and the beginning of a record: one that grows past `max_record_bytes` is let go as it
    streams by and only noted. Lines are counted where asked for: counting them costs more than all the rest.

    `record` and `line` say where the first byte fed lies, if that is not the start of the shard: a record starts
    there, on that physical line.
    """

    def __init__(
        self, framing: Lines, chunk_bytes: int, *, count_lines: bool = False, record: int = 0, line: int | None = 1
    ) -> None:
        self.header: bytes | None = None
        """The header record without its newline, once it has been seen."""
        self._quote = framing.quote
        self._max = framing.max_record_bytes
        self._chunk_bytes = chunk_bytes
        self._count_lines = count_lines and line is not None
        self._line_known = line is not None
        self._newlines = line - 1 if line is not None else 0
        self._start: bytes | None = b"" if record == 0 else None  # held until a byte order mark can be told
        self._in_header = framing.header and record == 0
        self._skipping: Skipping | None = None
        self._at = self._record = record  # of the next byte; of the open record
        self._inside = False
        self._pieces: list[bytes | memoryview] = []
        self._run = _NO_RUN
        self._size = 0
        self._begin_chunk()

    def feed(self, data: bytes) -> list[Cut]:
        """Raises InputRefused for a header longer than `max_record_bytes`."""
        if self._start is not None:
            data = self._start + data
            if len(data) < len(BOM) and BOM.startswith(data):
                self._start = data
                return []
            self._start = None
            if data.startswith(BOM):
                data = data[len(BOM) :]
                self._at = self._record = len(BOM)
                self._begin_chunk()
        return self._take(data)

    def finish(self) -> list[Cut]:
        held, self._start = self._start, None
        cuts = self._take(held) if held else []
        if self._in_header:
            self.header = b"".join(self._pieces) if self._size else None
            return cuts
        if self._skipping is not None:
            self._end_skipping(newline=False)
        if self._size or self._oversize:
            cuts.append(self._end_chunk())
        return cuts

    def _take(self, data: bytes) -> list[Cut]:
        cuts: list[Cut] = []
        base, at = self._at, 0
        while at < len(data):
            # The chunk's last newline is not before `target`; the open record's must be before `limit`.
            target = 0 if self._in_header else self._chunk_stop - 1 - base
            limit = min(self._record + self._max + 1 - base, len(data))
            if self._skipping is not None:
                at = self._skip(data, at)
            elif at < target:
                at = self._gather(data, at, min(target, limit))
            else:
                at = self._seek_end(data, at, limit)
            if self._record == self._at >= self._chunk_stop and (self._size or self._oversize):
                cuts.append(self._end_chunk())
        return cuts

    def _gather(self, data: bytes, start: int, stop: int) -> int:
        """Takes bytes that belong to the chunk whatever they are, and notes where the open record starts."""
        after = self._inside_after(data, start, stop)
        end = last_end(data, start, stop, self._quote, inside=self._inside, inside_at_stop=after)
        if end >= 0:
            self._record = self._at + end + 1 - start
        return self._keep(data, start, stop, after=after)

    def _seek_end(self, data: bytes, start: int, stop: int) -> int:
        """Takes the rest of the open record, as far as it is here."""
        end = first_end(data, start, stop, self._quote, inside=self._inside)
        if end < 0:
            return self._keep(data, start, stop, after=self._inside_after(data, start, stop))
        self._record = self._at + end + 1 - start
        at = self._keep(data, start, end + 1, after=False)
        if self._in_header:
            self._end_header()
        return at

    def _inside_after(self, data: bytes, start: int, stop: int) -> bool:
        return inside_after(data, start, stop, self._quote, inside=self._inside)

    def _keep(self, data: bytes, start: int, stop: int, *, after: bool) -> int:
        self._size += stop - start
        run, run_start, run_stop = self._run
        if run is data and run_stop == start:  # goes on where the last piece ends: make one of both
            self._pieces.pop()
        else:
            run_start = start
        self._pieces.append(data if stop - run_start == len(data) else memoryview(data)[run_start:stop])
        self._run = (data, run_start, stop)
        self._pass(data, start, stop, after=after)
        if self._at - self._record > self._max:
            self._begin_skipping()
        return stop

    def _pass(self, data: bytes, start: int, stop: int, *, after: bool) -> None:
        self._at += stop - start
        self._inside = after
        if self._count_lines:
            self._newlines += data.count(b"\n", start, stop)

    def _begin_skipping(self) -> None:
        if self._in_header:
            raise InputRefused(f"the header is longer than {self._max:,} bytes", "parse.max_record sets the limit.")
        self._pieces, prefix, seen = split(self._pieces, self._at - self._record)
        self._run = _NO_RUN
        self._size -= self._at - self._record
        line = newlines(self._pieces) + sum(record.lines for record in self._oversize)
        self._skipping = Skipping(self._record, line, prefix, seen)

    def _skip(self, data: bytes, start: int) -> int:
        assert self._skipping is not None
        end = first_end(data, start, len(data), self._quote, inside=self._inside)
        stop = end + 1 if end >= 0 else len(data)
        self._pass(data, start, stop, after=end < 0 and self._inside_after(data, start, stop))
        self._skipping.newlines += data.count(b"\n", start, stop)
        if end >= 0:
            self._end_skipping(newline=True)
        return stop

    def _end_skipping(self, *, newline: bool) -> None:
        assert self._skipping is not None
        self._oversize.append(self._skipping.ended(self._at, newline=newline))
        self._skipping = None
        self._record = self._at

    def _end_header(self) -> None:
        self.header = b"".join(self._pieces).removesuffix(b"\n").removesuffix(b"\r")
        self._in_header = False
        if not self._count_lines:
            self._newlines += newlines(self._pieces)
        self._begin_chunk()

    def _begin_chunk(self) -> None:
        self._first_byte = self._record
        self._first_line = self._newlines + 1 if self._line_known else None
        self._chunk_stop = (self._record // self._chunk_bytes + 1) * self._chunk_bytes
        self._pieces = []
        self._run = _NO_RUN
        self._size = 0
        self._oversize: list[Oversize] = []

    def _end_chunk(self) -> Cut:
        number = self._first_byte // self._chunk_bytes
        pieces, oversize = tuple(self._pieces), tuple(self._oversize)
        cut = Cut(number, pieces, self._size, self._first_byte, self._first_line, oversize)
        self._line_known = self._count_lines
        self._begin_chunk()
        return cut
