"""What a csv record may look like: RFC 4180 with any delimiter and quote, and lenient about quotes inside a field that
does not begin with one: there they are text.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from pipeline.parse.records import shown


@dataclass(frozen=True, slots=True)
class Grammar:
    """The records of `width` fields."""

    delimiter: str
    quote: str
    """One character, or empty: nothing is quoted."""
    width: int

    def all_regular(self) -> str:
        """A pattern for a text of nothing but records, each ending in a newline, in which quotes stand only around
        fields. Linear in the text for the dataframe library's engine."""
        return rf"\A(?:{self._regular()}\r?\n)*\z"

    def regular(self) -> str:
        """The same for one record, without its end."""
        return rf"\A{self._regular()}\z"

    def _regular(self) -> str:
        delimiter, quote = re.escape(self.delimiter), re.escape(self.quote)
        field = rf"[^{quote}{delimiter}\n]*"
        if quote:
            field = rf"(?:{field}|{quote}(?:[^{quote}]|{quote}{quote})*{quote})"
        return rf"{field}(?:{delimiter}{field}){{{self.width - 1}}}"

    def accept(self, record: bytes) -> bytes | str:
        """The record with quotes only around fields, or, as text, why it cannot be taken."""
        quote, delimiter = self.quote.encode(), self.delimiter.encode()
        if not quote or quote not in record:
            return record if (found := record.count(delimiter) + 1) == self.width else self._miscount(found)
        if _regular_record(self.quote, self.delimiter, self.width).fullmatch(record):
            return record
        fields = self.fields(record)
        if isinstance(fields, str):
            return fields
        if len(fields) != self.width:
            return self._miscount(len(fields))
        return delimiter.join(
            quote + field.replace(quote, quote + quote) + quote
            if quote in field and not field.startswith(quote)
            else field
            for field in fields
        )

    def _miscount(self, found: int) -> str:
        return f"{found} field{'s' if found != 1 else ''}, {self.width} expected"

    def fields(self, record: bytes) -> list[bytes] | str:
        """The fields as they stand, quotes included, or what is wrong with their quotes."""
        quote, delimiter = self.quote.encode(), self.delimiter.encode()
        pattern = _field(self.quote, self.delimiter)
        fields: list[bytes] = []
        at = 0
        while True:
            match = pattern.match(record, at)
            assert match is not None, "the pattern matches the empty field"
            field, at = match[0], match.end()
            if quote and field.startswith(quote) and match.lastindex is None:
                return "unterminated quote"
            fields.append(field)
            if at == len(record):
                return fields
            if record[at : at + 1] == b"\n":
                return f"a quote inside an unquoted field: the line ends after field {len(fields)}, the record does not"
            if record[at : at + 1] != delimiter:
                rest = record[at : at + 40].split(delimiter)[0].decode("utf-8", "backslashreplace")
                return f"text after the closing quote of field {len(fields)}: {shown(rest)}"
            at += 1


@functools.lru_cache(maxsize=16)
def _field(quote: str, delimiter: str) -> re.Pattern[bytes]:
    """A field from where it begins. Group 1 is there if it is quoted and the quote is closed."""
    q, d = re.escape(quote.encode()), re.escape(delimiter.encode())
    if not quote:
        return re.compile(rb"[^" + d + rb"\n]*+")
    closed = q + rb"(?:[^" + q + rb"]|" + q + q + rb")*+(" + q + rb")"
    # A quote left open runs to the end of the record: it has to be seen, not taken for an empty field.
    return re.compile(closed + rb"|" + q + rb"(?s:.*)|[^" + d + rb"\n]*+")


@functools.lru_cache(maxsize=64)
def _regular_record(quote: str, delimiter: str, width: int) -> re.Pattern[bytes]:
    q, d = re.escape(quote.encode()), re.escape(delimiter.encode())
    field = rb"(?:[^" + q + d + rb"\n]*+|" + q + rb"(?:[^" + q + rb"]|" + q + q + rb")*+" + q + rb")"
    return re.compile(field + rb"(?:" + d + field + rb"){" + str(width - 1).encode() + rb"}")
