"""arrow: an IPC file (Feather v2), uncompressed so that readers can map it into memory.

Strings and bytes are written in the classic large layout, not as views, which older readers do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipeline.model import Segment, SinkSpec
from pipeline.sink.atomic import output_errors

BATCH_ROWS = 65_536


class ArrowEncoder:
    """Rows to Arrow IPC. Equal segments give equal bytes. Raises OutputError."""

    def __init__(self, spec: SinkSpec) -> None:
        if spec.compression != "none":
            raise ValueError(f"{spec.path}: arrow files are not compressed as a whole: leave {spec.compression} out")

    def write(self, frame: pl.DataFrame, path: str) -> Segment:
        with output_errors(path, "run.state"):
            frame.write_ipc(path, compression="lz4", record_batch_size=BATCH_ROWS)
            return Segment(path, frame.height, Path(path).stat().st_size)

    def join(self, segments: Sequence[str], schema: pl.Schema, path: str) -> None:
        rows = pl.scan_ipc(list(segments), glob=False, hive_partitioning=False) if segments else schema.to_frame()
        with output_errors(path):
            rows.lazy().sink_ipc(path, compat_level=pl.CompatLevel.oldest(), record_batch_size=BATCH_ROWS)
