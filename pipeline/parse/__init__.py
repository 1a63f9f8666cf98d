"""Parse: bytes to records, in a worker. One format, one file; this is the table of them.

Importing this package imports no dataframe library: the parent asks it for framings and names, the worker for formats.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from pipeline.errors import ConfigError
from pipeline.model import Framing, Lines, ParseSpec, RowGroups, Whole

if TYPE_CHECKING:
    from pipeline.protocols import Format

_CLASSES = MappingProxyType(
    {
        "csv": "csv:Csv",
        "tsv": "csv:Csv",
        "ndjson": "ndjson:Ndjson",
        "lines": "lines:LinesFormat",
        "log": "log:Log",
        "parquet": "parquet:Parquet",
        "bytes": "whole:WholeFormat",
        "fixed": "fixed:Fixed",
    }
)

FORMATS = tuple(_CLASSES)
"""The names of all formats."""


def format_of(spec: ParseSpec) -> Format:
    """The format of `spec`, importing only what it needs. Raises ConfigError for a name or a setting it cannot use."""
    module, name = _class_of(spec.format).split(":")
    return cast("Format", getattr(importlib.import_module(f"{__name__}.{module}"), name)(spec))


def framing_of(spec: ParseSpec) -> Framing:
    """How shards of the format fall into records. Raises ConfigError for an unknown name."""
    match _class_of(spec.format).split(":")[0]:
        case "csv":
            return Lines(spec.quote, spec.header, spec.max_record_bytes)
        case "fixed":
            return Lines("", spec.header, spec.max_record_bytes)
        case "parquet":
            return RowGroups()
        case "whole":
            return Whole(spec.max_record_bytes)
    return Lines(max_record_bytes=spec.max_record_bytes)


def _class_of(format: str) -> str:
    if format not in _CLASSES:
        raise ConfigError((f"parse.format: {format!r} is none of {', '.join(FORMATS)}",))
    return _CLASSES[format]
