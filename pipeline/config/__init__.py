"""Config: YAML to a validated job, or to every complaint with its line.

    text ─► document ─► overrides ─► environment ─► schema ─► rules ─► Config ─► Job
            plain data  --set a=b    ${VAR}         each key   keys
            and lines                               alone      together

`load` is the whole of it; `schema` says what keys there are. Cheap to import: pydantic and yaml, never polars.
"""

from pipeline.config.job import job_of
from pipeline.config.json_schema import json_schema
from pipeline.config.load import load
from pipeline.config.schema import Config
from pipeline.config.soundness import FaultyConfig

__all__ = ["Config", "FaultyConfig", "job_of", "json_schema", "load"]
