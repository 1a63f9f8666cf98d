"""The section `parse`: bytes to records."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pipeline.config.fields import ColumnType, Many, Rejects, Section, SizeBytes, Text, matching
from pipeline.config.places import shown
from pipeline.config.quantities import RejectLimit

FormatName: TypeAlias = Literal["csv", "tsv", "ndjson", "lines", "log", "parquet", "bytes", "fixed"]


def _delimiter_problem(text: str) -> str | None:
    if len(text) == 1 and text.isascii() and text not in "\r\n":
        return None
    hint = r'; in double quotes "\t" is a tab' if "t" in text else "; quote it, as in '|'" if not text else ""
    return f"must be one ASCII character, not {shown(text)}{hint}"


def _quote_problem(text: str) -> str | None:
    if not text or (len(text) == 1 and text.isascii() and text not in "\r\n"):
        return None
    return f"must be one ASCII character, or '' for none, not {shown(text)}"


def _encoding_problem(text: str) -> str | None:
    try:
        # Codecs from bytes to bytes ("zip", "base64") are no text encodings.
        if isinstance("".encode(codecs.lookup(text).name), bytes):
            return None
    except (LookupError, ValueError):
        pass
    return f"unknown encoding {shown(text)}; utf-8, utf-16, latin-1 and cp1252 are the usual ones"


class ParseSection(Section):
    """Bytes to records."""

    format: FormatName | None = Field(
        default=None,
        description="csv, tsv, ndjson, lines, log (web server, common or combined), parquet, fixed (width) or bytes "
        "(each input is one record). Default: from the names of the inputs.",
    )
    compression: Literal["auto", "none", "gzip", "bzip2", "xz", "zstd"] = Field(
        default="auto",
        description="`auto` goes by the content of each input, zip archives included, not only by its name.",
    )
    header: bool | None = Field(
        default=None, description="csv, tsv, fixed: the first record names the columns. Default: true for csv and tsv."
    )
    columns: dict[str, ColumnType] | None = Field(
        default=None,
        min_length=1,
        description="Names and types: string, bool, int8 to int64, uint8 to uint64, float32, float64, decimal(p, s), "
        "date, datetime, datetime(format), duration. With a header they select by name. Default: inferred from the "
        "first 1 MiB.",
    )
    widths: Annotated[tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], Field(min_length=1), Many()] | None = (
        Field(default=None, description="fixed: the width of each of `columns`, in characters.")
    )
    on_bad_record: Literal["reject", "fail"] = Field(
        default="reject",
        description="A record that does not parse: `reject` it (kept, with the reason), or `fail` (exit 65).",
    )
    max_rejects: Rejects = Field(
        default=RejectLimit(share=0.001),
        description="Rejects a run may have, a count or a percentage of all records; past it the run fails (exit 65).",
        json_schema_extra={"default": "0.1%"},
    )
    max_record_bytes: SizeBytes = Field(
        default=8 << 20,
        alias="max_record",
        description="A longer record is a reject, such as `8MiB`; at most a quarter of `run.memory`.",
        json_schema_extra={"default": "8MiB"},
    )
    delimiter: Annotated[str, matching(_delimiter_problem, "one ASCII character")] | None = Field(
        default=None, description="csv, tsv: one ASCII character between fields. Default: a comma; for tsv a tab."
    )
    quote: Annotated[str, matching(_quote_problem, "one ASCII character, or '' for none")] | None = Field(
        default=None, description="csv, tsv: one ASCII character around fields; '' for none. Default: \"; for tsv none."
    )
    null_values: Annotated[tuple[str, ...], Many(one=True)] | None = Field(
        default=None,
        description="csv, tsv, fixed: fields that mean null. Default: the unquoted empty field. Given, they "
        "replace it for string columns; elsewhere an empty field is always null.",
    )
    encoding: Annotated[Text, matching(_encoding_problem, "the name of a text encoding")] = Field(
        default="utf-8", description="The encoding of the text; bytes that do not fit it make a reject."
    )
