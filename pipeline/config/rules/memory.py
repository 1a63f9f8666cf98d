"""Rules of memory: what is in flight must fit."""

from __future__ import annotations

from pipeline.config.rules.rule import Problems, Rule
from pipeline.config.schema import Config


def _memory_holds_chunks(config: Config) -> Problems:
    if 4 * config.run.chunk_bytes > config.run.memory_bytes:
        if "chunk_bytes" in config.run.model_fields_set:
            yield ("run", "chunk"), "must fit in run.memory four times; make it smaller or give more memory"
        else:
            yield ("run", "memory"), "must hold run.chunk (16MiB unless given) four times"


def _memory_holds_a_record(config: Config) -> Problems:
    if 4 * config.parse.max_record_bytes > config.run.memory_bytes:
        if "max_record_bytes" in config.parse.model_fields_set:
            yield ("parse", "max_record"), "must fit in run.memory four times; make it smaller or give more memory"
        else:
            yield ("run", "memory"), "must hold a record of parse.max_record (8MiB unless given) four times"


RULES = (
    Rule(_memory_holds_chunks, (("run", "chunk"), ("run", "memory"))),
    Rule(_memory_holds_a_record, (("parse", "max_record"), ("run", "memory"))),
)
