"""A config file to a `Config`, or to every complaint about it at once."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.complaints import complain
from pipeline.config.document import MAX_BYTES, Data, Document, parse_document
from pipeline.config.environment import Substituted, substitute
from pipeline.config.overrides import override
from pipeline.config.places import Complaint, Path, Place
from pipeline.config.rules import RULES
from pipeline.config.schema import Config
from pipeline.config.soundness import FaultyConfig, sound_part
from pipeline.errors import ConfigError

_SHORTEST_SECRET = 4
# What repr() makes of text.
_CITATION = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
# Stand-ins for required keys that are missing or wrong, so that the rules can look at the others.
_STAND_INS = {"name": "job", "inputs": ["-"], "sink": ["-"]}


def load(path: str, *, overrides: Sequence[str] = (), environ: Mapping[str, str]) -> Config:
    """The job in the file at `path`. `overrides` are `a.b=YAML` texts, later ones win; `environ` answers `${VAR}`.

    Raises ConfigError with every complaint, sorted by line; FaultyConfig where expressions may be looked at still.
    """
    return parse(_read(path), path, overrides=overrides, environ=environ)


def parse(text: str, origin: str, *, overrides: Sequence[str] = (), environ: Mapping[str, str]) -> Config:
    """The job in `text`; complaints name `origin` as the file. Raises ConfigError."""
    document = parse_document(text, origin)
    if document.complaints and not isinstance(document.data, dict):
        raise document.error()
    if not isinstance(document.data, dict):
        document.complain((), "must be a mapping of keys to values that begins with 'name: ...'")
        raise document.error()
    override(document, overrides)
    substituted = substitute(document, environ)
    config = _validated(document, substituted)
    if config is not None:
        _check_rules(config, document, substituted)
    if config is None:
        raise document.error()
    config._document = document  # noqa: SLF001  # as below
    config._secrets = tuple(  # noqa: SLF001  # known only now, and no key of the file
        sorted((value for value in substituted.values if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)
    )
    if document.complaints:
        raise FaultyConfig(document.error().complaints, sound_part(config, document.broken))
    return config


def _read(path: str) -> str:
    def refused(problem: str, line: int = 1) -> ConfigError:
        return ConfigError((str(Complaint(Place(0, line, path), "", problem)),))

    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror or error}") from None
    if len(raw) > MAX_BYTES:
        raise refused(f"is larger than {MAX_BYTES:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused("is not UTF-8", raw.count(b"\n", 0, error.start) + 1) from None


def _errors(data: Data) -> Config | list[ErrorDetails]:
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        return error.errors(include_url=False)


def _validated(document: Document, substituted: Substituted) -> Config | None:
    """The config, with every complaint about single keys filed. Where there are some, it is what is left without the
    keys at fault: good enough for the rules to look at, and None where nothing sensible is left."""
    data = copy.deepcopy(document.data)
    result = _errors(data)
    while isinstance(result, list) and _as_text(data, result, document, substituted):
        result = _errors(data)
    if isinstance(result, Config):
        return result
    for error in result:
        complain(error, document, substituted)
    for _ in range(len(data) + len(_STAND_INS) + 2):
        _prune(data, [error["loc"] for error in result])
        result = _errors(data)
        if isinstance(result, Config):
            return result
    return None


def _as_text(data: Data, errors: list[ErrorDetails], document: Document, substituted: Substituted) -> bool:
    """Gives a `${VAR}` that read as a number or null its text back where text is wanted. True if there was one."""
    found = False
    for error in errors:
        path = document.known(error["loc"])
        if error["type"] == "string_type" and path in substituted.text and path:
            around = _at(data, path[:-1])
            if not isinstance(around[path[-1]], str):
                around[path[-1]] = substituted.text[path]
                found = True
    return found


def _at(data: Data, path: Path) -> Data:
    for part in path:
        data = data[part] if _has(data, part) else None
    return data


def _prune(data: Data, paths: list[Path]) -> None:
    """Takes out the deepest thing of each path that is there; of a required key, what it belongs to."""
    for path in reversed(paths):  # so that items leave a list without moving those still to go
        around, here = data, path
        while len(here) > 1 and _has(_at(around, here[:1]), here[1]):
            around, here = _at(around, here[:1]), here[1:]
        if _has(around, here[0]):
            del around[here[0]]
        if path[0] in _STAND_INS:
            data.setdefault(path[0], copy.copy(_STAND_INS[str(path[0])]))


def _has(data: Data, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(data, list) and part < len(data)
    return isinstance(data, dict) and part in data


def _check_rules(config: Config, document: Document, substituted: Substituted) -> None:
    broken = tuple(document.broken)
    for rule in RULES:
        if any(_related(path, read) for path in broken for read in rule.reads):
            continue
        for path, problem in rule.check(config):
            document.complain(path, _without_secrets(problem, rule.reads, substituted))


def _related(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _without_secrets(problem: str, reads: tuple[Path, ...], substituted: Substituted) -> str:
    """The problem without its citations, where the rule has read something from the environment. Rules cite values
    in quotes and in no other way."""
    if any(_related(path, read) for path in substituted.written for read in reads):
        return _CITATION.sub("***", problem)
    return problem
