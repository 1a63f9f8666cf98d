"""The section `run`: workers, memory, chunks and state."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from pipeline.config.fields import AutoOrCount, NotYet, Section, SizeBytes, Text, later


class RunSection(Section):
    """Workers, memory, chunks and state."""

    workers: AutoOrCount = Field(
        default="auto", description="Worker processes: `auto` is one a core.", examples=["auto", 4]
    )
    memory_bytes: SizeBytes = Field(
        default=1 << 30,
        alias="memory",
        description="Budget for everything in flight in all processes, such as `1GiB`.",
        json_schema_extra={"default": "1GiB"},
    )
    chunk_bytes: SizeBytes = Field(
        default=16 << 20,
        alias="chunk",
        description="The unit of CPU work in decoded bytes, such as `16MiB`; at most a quarter of `memory`.",
        json_schema_extra={"default": "16MiB"},
    )
    chunk_timeout: NotYet = Field(default=None, description="A chunk that takes longer is retried. Not supported yet.")
    on_poison: Annotated[Literal["fail", "skip"], later("skip"), WithJsonSchema({"enum": ["fail"]})] = Field(
        default="fail",
        description="A chunk that keeps killing its worker: `fail` (exit 70). `skip`: not supported yet.",
    )
    state: Text = Field(default=".pipeline", description="Folder for the journal and history of all jobs.")
