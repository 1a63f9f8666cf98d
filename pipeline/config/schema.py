"""The whole contract of a config as one model, `Config`: sections in `sections/`, rules across keys in `rules/`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, Field, PrivateAttr

from pipeline.config.document import Document
from pipeline.config.fields import Many, NotYet, Section, Text, matching, misfit
from pipeline.config.places import Path, shown
from pipeline.config.sections.aggregate import AggregateSection
from pipeline.config.sections.fetch import FetchSection
from pipeline.config.sections.parse import ParseSection
from pipeline.config.sections.run import RunSection
from pipeline.config.sections.sink import PathIsShort, SinkSection
from pipeline.config.sections.transform import StepSection
from pipeline.errors import ConfigError

_NAME = re.compile(r"[a-z0-9_-]{1,100}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LATER_SCHEMES = frozenset({"s3", "gs", "gcs", "az", "abfs", "abfss"})


class InputsMapping(Section):
    """Inputs that are not names of files. Not supported yet."""

    values: NotYet = Field(default=None, description="Literal values, a chunk each, for functions. Not supported yet.")
    from_: NotYet = Field(default=None, alias="from", description="A file that lists the inputs. Not supported yet.")
    column: NotYet = Field(default=None, description="The column of `from` with the names. Not supported yet.")


def _no_mapping(value: object) -> object:
    if isinstance(value, dict):
        InputsMapping.model_validate(value)
        raise misfit("expected names of files or URLs", "names of files or URLs")
    return value


def _name_problem(name: str) -> str | None:
    return None if _NAME.fullmatch(name) else f"{shown(name)} must be 1 to 100 of a-z, 0-9, _ and -"


def _input_problem(name: str) -> str | None:
    scheme = _SCHEME.match(name)
    if scheme is None or scheme[1].lower() in {"http", "https"}:
        return None
    if scheme[1].lower() in _LATER_SCHEMES:
        return f"{scheme[0]} is not supported yet; local paths, http:// and https:// are"
    return f"{scheme[0]} is not a source; local paths, http:// and https:// are"


class Config(Section):
    """One job: what goes in, what becomes of it, where it goes. Made by `load`, which checks the rules across keys."""

    name: Annotated[str, matching(_name_problem, "1 to 100 of a-z, 0-9, _ and -")] = Field(
        description="The job's name, of a-z, 0-9, _ and -; it keys the saved state and names the rejects file."
    )
    inputs: Annotated[
        tuple[Annotated[Text, matching(_input_problem, "a local path, http:// or https://")], ...],
        Field(min_length=1),
        Many(one=True),
        BeforeValidator(_no_mapping),
    ] = Field(
        description="Paths and URLs, one or many; their order is the order of the records, and one that is "
        "listed twice counts twice. Globs (`**` included), braces ({a..z}, {00..23}, {x,y}) and {date:%Y-%m-%d}, "
        "filled in from --date.",
    )
    fetch: FetchSection = Field(default_factory=dict, validate_default=True)
    parse: ParseSection = Field(default_factory=dict, validate_default=True)
    transform: Annotated[tuple[StepSection, ...], Many()] = Field(
        default=(), description="Steps in order, each with one key: where, derive or select."
    )
    aggregate: AggregateSection | None = Field(
        default=None, description="Many records to a row a key. Without it the transformed records are the result."
    )
    sinks: Annotated[tuple[Annotated[SinkSection, PathIsShort()], ...], Field(min_length=1), Many(one=True)] = Field(
        alias="sink",
        description="Where the result goes, one or many. Format from the name: .parquet, .csv, .ndjson, .json, .arrow, "
        "with .gz or .zst; `-` is standard output.",
    )
    run: RunSection = Field(default_factory=dict, validate_default=True)
    tests: NotYet = Field(default=None, description="Examples of records and their results. Not supported yet.")

    _secrets: tuple[str, ...] = PrivateAttr(())
    _document: Document | None = PrivateAttr(None)

    def refused(self, faults: Iterable[tuple[Path, str]]) -> ConfigError:
        """The error for what was found wrong after loading, (path, problem) each, together with what was wrong before:
        every complaint as `file:line: key: problem`."""
        document = self._document or Document("config")
        for path, problem in faults:
            document.complain(path, self.redact(problem))
        return document.error()

    def redact(self, text: str) -> str:
        """`text` with every value that came from the environment as `***`: for logs and reports."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


SECTIONS: Mapping[tuple[str, ...], type[Section]] = MappingProxyType(
    {
        (): Config,
        ("inputs",): InputsMapping,
        ("fetch",): FetchSection,
        ("parse",): ParseSection,
        ("transform",): StepSection,
        ("aggregate",): AggregateSection,
        ("sink",): SinkSection,
        ("run",): RunSection,
    }
)
"""Which keys are known where: the path of a section without the numbers of list items."""


def keys_of(section: type[Section]) -> tuple[str, ...]:
    """The keys of a section as they are written in the file."""
    return tuple(field.alias or name for name, field in section.model_fields.items())
