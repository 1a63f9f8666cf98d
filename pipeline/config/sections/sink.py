"""The section `sink`: where results go. One entry, or a list of them; a plain path is the short form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import core_schema

from pipeline.config.fields import NotYet, Section, Text, matching
from pipeline.config.places import shown

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

SinkFormatName: TypeAlias = Literal["parquet", "csv", "ndjson", "json", "arrow"]

_DATABASE_FILE = re.compile(r"\.(db|sqlite3?|duckdb)$", re.IGNORECASE)


def _path_problem(path: str) -> str | None:
    if "://" in path:
        return "databases, object stores and http endpoints are not supported yet; write the path of a file, or '-'"
    if _DATABASE_FILE.search(path):
        return "database files are not supported yet; parquet, csv, ndjson, json and arrow are"
    if "{date" in path:
        day = re.sub(r"\{date[^}]*\}?", "$(date +%F)", path)
        return f"dates in outputs are not supported; name one for each run: --set sink={day}"
    if "{" in path or "}" in path:
        return "outputs split by {column} are not supported yet"
    if "\0" in path or path.endswith("/"):
        return f"{shown(path)} is not the path of a file"
    return None


class SinkSection(Section):
    """Where results go."""

    path: Annotated[Text, matching(_path_problem, "the path of a file, or '-'")] = Field(
        description="A file, relative to the working directory; `-` is standard output."
    )
    format: SinkFormatName | None = Field(
        default=None, description="parquet, csv, ndjson, json or arrow. Default: from the name; ndjson for `-`."
    )
    compression: Literal["none", "gzip", "zstd"] | None = Field(
        default=None, description="Of the file as a whole. Default: from the name (.gz, .zst), else none."
    )
    table: NotYet = Field(default=None, description="Table of a database. Not supported yet.")
    mode: NotYet = Field(default=None, description="How a table is written. Not supported yet.")
    key: NotYet = Field(default=None, description="Key columns of a table. Not supported yet.")
    every: NotYet = Field(default=None, description="How often a growing output is written. Not supported yet.")


class PathIsShort:
    """A plain text stands for {path: text}."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def expand(value: object) -> object:
            return value if isinstance(value, dict) else {"path": value}

        return core_schema.no_info_before_validator_function(expand, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(schema)]}
