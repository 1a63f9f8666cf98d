"""The section `fetch`: how bytes come in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from pipeline.config.fields import AutoOrCount, DurationS, NotYet, Section, later, misfit

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Headers(Mapping[str, str]):
    """Request headers. The repr shows the names only: the values are often credentials."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self._values)})"


def _headers(value: object) -> Headers:
    expected = "headers such as {Accept: text/csv}: names of letters, digits and dashes, values of one line of text"
    if not isinstance(value, dict):
        raise misfit(f"expected {expected}", expected)
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise misfit(f"{name!r} cannot be the name of a header", expected)
        # A line break here would forge further headers; the value itself is never shown.
        if not isinstance(text, str):
            raise misfit(f"the value of {name} must be text; quote it", expected)
        if not all(char == "\t" or char >= " " for char in text) or "\x7f" in text:
            raise misfit(f"the value of {name} has a line break or control character", expected)
    if len({name.lower() for name in value}) < len(value):
        raise misfit("the same header is given twice in different case", expected)
    return Headers(value)


class FetchSection(Section):
    """How bytes come in."""

    concurrency: AutoOrCount = Field(
        default="auto", description="Transfers at once, in all: `auto`, or a number from 1.", examples=["auto", 32]
    )
    per_host: int = Field(default=16, ge=1, le=10_000, description="Connections to one host at once.")
    timeout_s: DurationS = Field(
        default=30.0,
        alias="timeout",
        description="How long a transfer may go without a byte, such as `30s`; not a limit on the whole transfer.",
        json_schema_extra={"default": "30s"},
    )
    retries: int = Field(
        default=8, ge=0, le=1000, description="Further attempts after a transient error, with backoff."
    )
    split: NotYet = Field(default=None, description="Larger remote files come as parallel ranges. Not supported yet.")
    headers: Annotated[
        Headers,
        PlainValidator(_headers),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
    ] = Field(
        default=Headers({}),
        description="Headers of every request. Take secrets from the environment: `Bearer ${TOKEN}`.",
        json_schema_extra={"default": {}},
    )
    checksums: NotYet = Field(
        default=None, description="A file of SHA-256 sums to verify inputs with. Not supported yet."
    )
    changes: Literal["time", "content"] = Field(
        default="time",
        description="What tells a run that a local file has changed since the last one: its size and times, or its "
        "`content`, which means reading every file.",
    )
    on_missing: Literal["fail", "skip"] = Field(
        default="fail",
        description="A literal path or URL that is gone: `fail` (exit 66), or `skip` it (exit 3): then what earlier "
        "runs have read of it is taken out of the result.",
    )
    on_corrupt: Annotated[
        Literal["fail", "skip", "keep"], later("skip", "keep"), WithJsonSchema({"enum": ["fail"]})
    ] = Field(
        default="fail", description="A damaged or cut input: `fail` (exit 65). `skip` and `keep`: not supported yet."
    )
