"""What the tests of configs ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import dedent
from typing import Protocol

import pytest

from pipeline.config.load import parse
from pipeline.config.schema import Config
from pipeline.errors import ConfigError


class Read(Protocol):
    def __call__(self, text: str, environ: Mapping[str, str] = ..., overrides: Sequence[str] = ...) -> Config: ...


MINIMUM = {"name": "name: x", "inputs": "inputs: a.csv", "sink": "sink: out.csv"}


def whole(text: str) -> str:
    """The text, with the required keys that it lacks after it, so that its own lines count from 1."""
    text = dedent(text)
    return text.rstrip("\n") + "\n" + "\n".join(line for key, line in MINIMUM.items() if f"{key}:" not in text) + "\n"


@pytest.fixture
def read() -> Read:
    """Parses a config; the required keys may be left out."""

    def read(text: str, environ: Mapping[str, str] | None = None, overrides: Sequence[str] = ()) -> Config:
        return parse(whole(text), "job.yaml", overrides=overrides, environ=environ or {})

    return read


@pytest.fixture
def refused(read: Read) -> Callable[..., list[str]]:
    """The complaints about a config that must have some."""

    def refused(text: str, environ: Mapping[str, str] | None = None, overrides: Sequence[str] = ()) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, environ or {}, overrides)
        return list(caught.value.complaints)

    return refused
