"""Access logs of web servers: the common and the combined log format, line by line, also mixed.

    host ident user [time] "request" status bytes            common
    ... "referer" "user agent"                               combined

The request is split into method, path and protocol. One without a protocol ("GET /") is HTTP/0.9; one that does not
look like a request at all is kept whole as the path. A field that is a lone hyphen is null. The time is UTC. A quote
inside a request (written bare by old servers) is text; the request ends where status and bytes follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from pipeline.errors import ConfigError
from pipeline.model import ChunkBytes, Column, ParseSpec, Rows
from pipeline.parse.faults import faults_of
from pipeline.parse.text import read_text
from pipeline.protocols import Batch

_TYPES = MappingProxyType(
    {
        "host": "string",
        "ident": "string",
        "user": "string",
        "time": "datetime",
        "method": "string",
        "path": "string",
        "protocol": "string",
        "status": "int32",
        "bytes": "int64",
        "referer": "string",
        "user_agent": "string",
    }
)
_TIME = "datetime(%d/%b/%Y:%H:%M:%S %z)"
# The strict patterns are such that the engine never has two ways to go: four times faster. Where they match, the lax
# ones find the same fields; they are for odd quotes and blanks, and are tried on what is left.
_HEAD = r"^(?P<host>[^ ]+) (?P<ident>[^ ]+) "
_LINES = (
    _HEAD + r'(?P<user>[^ ]+) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>[0-9]{3}|-) (?P<bytes>[0-9]+|-)'
    r'(?: "(?P<referer>[^"]*)" "(?P<user_agent>[^"]*)")?$',
    _HEAD + r'(?P<user>[^ ].*?) \[(?P<time>[^\]]+)\] "(?P<request>.*?)" (?P<status>[0-9]{3}|-) (?P<bytes>[0-9]+|-)'
    r'(?: "(?P<referer>.*?)" "(?P<user_agent>.*)")? *$',
)
_REQUESTS = (
    r"^(?P<method>[A-Za-z]+) (?P<path>[^ ]+)(?: (?P<protocol>HTTP/[0-9.]+))?$",
    r"^(?P<method>[A-Za-z]+) +(?P<path>.*?)(?: +(?P<protocol>HTTP/[0-9.]+))? *$",
)


@dataclass(frozen=True, slots=True)
class Log:
    """Common and combined log format. Raises ConfigError for a column that these do not have."""

    spec: ParseSpec

    def __post_init__(self) -> None:
        unknown = [column.name for column in self.spec.columns or () if column.name not in _TYPES]
        if unknown:
            raise ConfigError(
                (f"parse.columns: a log has no {', '.join(map(repr, unknown))}; it has {', '.join(_TYPES)}",)
            )

    def infer(self, chunk: ChunkBytes) -> tuple[Column, ...]:  # noqa: ARG002 - known without looking
        return tuple(Column(name, type) for name, type in _TYPES.items())

    def read(self, chunk: ChunkBytes | Rows) -> Batch:
        """Every line; what does not match is a reject."""
        assert isinstance(chunk, ChunkBytes)
        assert self.spec.columns is not None
        names = [column.name for column in self.spec.columns]
        # A type given as `datetime` means the time as logs write it; any other is taken at its word.
        types = {"time": _TIME} if Column("time", "datetime") in self.spec.columns else {}
        return read_text(self.spec, chunk, lambda lines: _cut(lines, names), types)


def _cut(lines: pl.Series, names: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    fields = _extract(lines, *_LINES)
    rows = fields["host"].is_null().arg_true()
    faults = faults_of(rows, "not a line of the common or combined log format")
    if {"method", "path", "protocol"} & set(names):
        parts = _extract(fields["request"], *_REQUESTS)
        path = pl.coalesce("path", pl.when(pl.col("method").is_null()).then("request"))
        fields = fields.hstack(parts).with_columns(path)
    return fields.select(pl.when(pl.col(name) != "-").then(pl.col(name)) for name in names), faults


def _extract(text: pl.Series, strict: str, lax: str) -> pl.DataFrame:
    """The groups of whichever pattern matches, as columns."""
    fields = text.str.extract_groups(strict).struct.unnest()
    unmatched = fields.to_series(0).is_null()
    if not unmatched.any():
        return fields
    rest = text.set(~unmatched, None).str.extract_groups(lax).struct.unnest()
    return pl.select(pl.coalesce(one, other) for one, other in zip(fields, rest, strict=True))
