"""The section `run`: workers, memory, chunks and state."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.config.fields import AutoOrCount, DurationS, Section, SizeBytes, Text


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
    chunk_timeout_s: DurationS = Field(
        default=600.0,
        alias="chunk_timeout",
        description="A chunk that takes longer: its worker is killed, and it is tried again.",
        json_schema_extra={"default": "10m"},
    )
    on_poison: Literal["fail", "skip"] = Field(
        default="fail",
        description="A chunk that has ended its worker three times: `fail` (exit 70), or `skip`: it is left out, "
        "named, and not tried again before `--retry-failed` (exit 3).",
    )
    state: Text = Field(default=".pipeline", description="Folder for the journal and history of all jobs.")
