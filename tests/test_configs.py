"""The configs that come with the program: every one loads, and editors find its schema."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from pipeline.config import job_of, json_schema, load

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_gives_a_job(path: Path) -> None:
    """Without complaints, without variables, under the name of its file."""
    config = load(str(path), environ={})
    assert config.name == path.stem
    assert job_of(config).sinks


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_names_the_schema(path: Path) -> None:
    """The first line tells the editor where the schema is, beside the config."""
    first = path.read_text("utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./pipeline.schema.json"


def test_the_schema_in_the_repository_is_current() -> None:
    """Made anew with: pipeline schema > configs/pipeline.schema.json"""  # a command
    expected = orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2) + b"\n"
    assert (ROOT / "configs" / "pipeline.schema.json").read_bytes() == expected


def test_the_sample_logs_are_what_their_generator_makes(tmp_path: Path) -> None:
    """The sample is labelled as generated; anybody can make it again."""
    source = ROOT / "data" / "access_log"
    (tmp_path / "generate.py").write_bytes((source / "generate.py").read_bytes())
    subprocess.run([sys.executable, str(tmp_path / "generate.py")], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.glob("*.log")}
    assert made == {path.name: path.read_bytes() for path in source.glob("*.log")}
    assert len(made) == 3
