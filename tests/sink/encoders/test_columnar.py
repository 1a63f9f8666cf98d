"""parquet and arrow: their contract read back by two libraries, and what readers need of the files."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from polars.testing import assert_frame_equal

from pipeline.model import SinkSpec
from pipeline.protocols import Encoder
from pipeline.sink.encoders import encoder_of
from pipeline.sink.encoders.parquet import ROW_GROUP_ROWS
from pipeline.testing.encoders import EncoderContract


class TestParquet(EncoderContract):
    cutting_matters = True

    def encoder(self) -> Encoder:
        return encoder_of(SinkSpec("out", "parquet"))

    def check(self, path: str, frame: pl.DataFrame) -> None:
        assert_frame_equal(pl.read_parquet(path), frame)
        assert_frame_equal(pl.DataFrame(pl.from_arrow(pq.ParquetFile(path).read())), frame)


class TestArrow(EncoderContract):
    cutting_matters = True

    def encoder(self) -> Encoder:
        return encoder_of(SinkSpec("out", "arrow"))

    def check(self, path: str, frame: pl.DataFrame) -> None:
        assert_frame_equal(pl.read_ipc(path), frame)
        with pa.ipc.open_file(path) as file:
            assert_frame_equal(pl.DataFrame(pl.from_arrow(file.read_all())), frame)
            assert not any(pa.types.is_string_view(type) for type in file.schema.types)


def joined(format: str, folder: Path, frames: list[pl.DataFrame]) -> str:
    encoder = encoder_of(SinkSpec("out", format))
    segments = [encoder.write(frame, f"{folder}/{number}") for number, frame in enumerate(frames)]
    encoder.join([segment.path for segment in segments], frames[0].schema, f"{folder}/out")
    return f"{folder}/out"


def test_small_segments_become_sensible_row_groups(tmp_path: Path) -> None:
    """A thousand small chunks are not a thousand row groups, and a large one is not a single one."""
    rows = pl.DataFrame({"n": pl.arange(ROW_GROUP_ROWS + 1000, eager=True)})
    small = list(rows[:2000].iter_slices(100))
    metadata = pq.read_metadata(joined("parquet", tmp_path, [*small, rows]))
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert sum(group.num_rows for group in groups) == ROW_GROUP_ROWS + 3000
    assert len(groups) == 2
    assert groups[0].column(0).compression == "ZSTD"
    assert groups[0].column(0).statistics.min == 0


def test_arrow_batches_are_small_enough_to_stream(tmp_path: Path) -> None:
    """A reader takes a batch at a time; the file is mapped, so it is not compressed."""
    rows = pl.DataFrame({"n": pl.arange(200_000, eager=True)})
    with pa.ipc.open_file(joined("arrow", tmp_path, [rows, rows])) as file:
        sizes = [file.get_batch(number).num_rows for number in range(file.num_record_batches)]
    assert sum(sizes) == 400_000
    assert max(sizes) <= 65_536
