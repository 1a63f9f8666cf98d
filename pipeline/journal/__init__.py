"""The journal of one job: what is durably done. SQLite, beside the files it speaks of; outlives the run."""

from __future__ import annotations

from pipeline.journal.changes import Begin, Change, Died, Done, Ended
from pipeline.journal.damage import Damage, check_content, check_file, checksum, file_checksum, find_damage
from pipeline.journal.journal import Journal
from pipeline.journal.reading import RejectFile, read_partials, read_rejects, read_segments
from pipeline.journal.rows import Output, Poison, ShardRow, sort_key

__all__ = [
    "Begin",
    "Change",
    "Damage",
    "Died",
    "Done",
    "Ended",
    "Journal",
    "Output",
    "Poison",
    "RejectFile",
    "ShardRow",
    "check_content",
    "check_file",
    "checksum",
    "file_checksum",
    "find_damage",
    "read_partials",
    "read_rejects",
    "read_segments",
    "sort_key",
]
