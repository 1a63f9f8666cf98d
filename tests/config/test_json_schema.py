"""The JSON Schema for editors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import json_schema
from pipeline.config.schema import SECTIONS, keys_of
from pipeline.reduce.metrics.frequent import ApproxTopK
from pipeline.reduce.metrics.sketches import ApproxDistinct, ApproxQuantile

SCHEMA = json_schema()


def properties(section: str) -> dict[str, Any]:
    found = SCHEMA if section == "Config" else SCHEMA["$defs"][section]
    return dict(found["properties"])


@pytest.mark.parametrize(
    ("section", "keys"),
    [(model.__name__, keys_of(model)) for path, model in SECTIONS.items() if path != ("inputs",)],
)
def test_every_key_is_described(section: str, keys: tuple[str, ...]) -> None:
    """What an editor shows at a key: its meaning, in the names of the file."""
    described = properties(section)
    assert tuple(described) == keys
    for node in described.values():
        assert "description" in node or "description" in SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]


def test_defaults_are_written_as_people_write_them() -> None:
    """Units and all, so that what an editor inserts is right."""
    assert properties("RunSection")["chunk"]["default"] == "16MiB"
    assert properties("FetchSection")["timeout"]["default"] == "30s"
    assert properties("ParseSection")["max_rejects"]["default"] == "0.1%"


@pytest.mark.parametrize(
    ("section", "key", "texts"),
    [
        ("RunSection", "memory", ["16MiB", "1GB", "1.5 KiB", "${MEMORY}"]),
        ("FetchSection", "timeout", ["30s", "500ms", "10m", "1h", "${T:-5s}"]),
        ("ParseSection", "max_rejects", ["0.1%", "5 %"]),
    ],
)
def test_the_surface_syntax_is_allowed(section: str, key: str, texts: list[str]) -> None:
    """Patterns take what `load` takes, references included."""
    pattern = properties(section)[key]["pattern"]
    assert all(re.search(pattern, text) for text in texts)
    assert not re.search(pattern, "16 parsecs")


def test_a_reference_may_stand_for_any_single_value() -> None:
    """A number or a word of a list may come from the environment."""
    assert {"type": "string", "pattern": r"\$\{"} in properties("FetchSection")["retries"]["anyOf"]
    assert {"type": "string", "pattern": r"\$\{"} in properties("ParseSection")["format"]["anyOf"]


def test_a_key_that_comes_later_is_marked() -> None:
    """An editor underlines it, and the description says why."""
    node = properties("FetchSection")["split"]
    assert node["not"] == {}
    assert "Not supported yet" in node["description"]


def test_unknown_keys_are_not_allowed() -> None:
    """At the top and in every section."""
    assert all(node["additionalProperties"] is False for node in (SCHEMA, *SCHEMA["$defs"].values()))


@pytest.mark.parametrize("metric", [ApproxDistinct, ApproxQuantile, ApproxTopK])
def test_the_bounds_of_approximate_metrics_are_told_where_people_look(metric: type) -> None:
    """Every figure of the metric's own docstring is in the description that an editor shows, and in the README."""
    figures = re.findall(
        r"\d+(?:\.\d+)? (?:%|/ m|m)|power of two from 8 k, at least 1024|about a\s+hundred", metric.__doc__ or ""
    )
    assert figures
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    told = properties("AggregateSection")["metrics"]["description"]
    for figure in figures:
        assert " ".join(figure.split()) in told
        assert " ".join(figure.split()) in readme
