"""parquet: zstd, statistics, row groups of about 262,144 rows whatever the size of the segments.

A segment is itself a parquet file, so that the costly half of encoding (dictionaries, compression) is done by all
workers, and so that what waits on disk is small. The join streams segments through the dataframe library's reader and
writer, a row group or two in memory at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipeline.model import Segment, SinkSpec
from pipeline.sink.atomic import output_error, output_errors

ROW_GROUP_ROWS = 262_144


class ParquetEncoder:
    """Rows to parquet. Equal segments give equal bytes. Raises OutputError."""

    def __init__(self, spec: SinkSpec) -> None:
        if spec.compression != "none":
            raise ValueError(f"{spec.path}: parquet is compressed inside (zstd): leave {spec.compression} out")

    def write(self, frame: pl.DataFrame, path: str) -> Segment:
        with output_errors(path, "run.state"):
            try:
                frame.write_parquet(path, row_group_size=ROW_GROUP_ROWS)
            except pl.exceptions.ComputeError as error:  # which is how its writer reports a full disk
                raise output_error(path, error, "run.state") from error
            return Segment(path, frame.height, Path(path).stat().st_size)

    def join(self, segments: Sequence[str], schema: pl.Schema, path: str) -> None:
        rows = pl.scan_parquet(list(segments), glob=False, hive_partitioning=False) if segments else schema.to_frame()
        with output_errors(path):
            try:
                rows.lazy().sink_parquet(path, row_group_size=ROW_GROUP_ROWS)
            except pl.exceptions.ComputeError as error:
                raise output_error(path, error) from error
