"""What names say about formats."""

from __future__ import annotations

import pytest

from pipeline.config.names import input_format, output_compression, output_format


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("data/a.csv", "csv"),
        ("DATA/A.CSV.GZ", "csv"),
        ("data/{01..12}/*.tsv.zst", "tsv"),
        ("a.jsonl.bz2", "ndjson"),
        ("a.ndjson.xz", "ndjson"),
        ("a.txt", "lines"),
        ("logs/*.log.gz", "log"),
        ("a.parquet", "parquet"),
        ("archive.csv.zip", "csv"),
        ("https://host/a.csv?sig=1.tsv#x", "csv"),
        ("https://host/get?file=a.csv", None),
        ("x.{csv,tsv}", None),
        ("a.gz", None),
        ("csv", None),
    ],
)
def test_an_input_tells_its_format_by_its_last_suffix(name: str, format: str | None) -> None:
    """Compression suffixes and the query of a URL do not count."""
    assert input_format(name) == format


@pytest.mark.parametrize(
    ("path", "format", "compression"),
    [
        ("out/a.parquet", "parquet", None),
        ("a.csv.gz", "csv", "gzip"),
        ("a.ndjson.zst", "ndjson", "zstd"),
        ("a.jsonl", "ndjson", None),
        ("a.JSON", "json", None),
        ("a.arrow", "arrow", None),
        ("a.ipc", "arrow", None),
        ("-", "ndjson", None),
        ("a.xlsx", None, None),
    ],
)
def test_an_output_tells_format_and_compression(path: str, format: str | None, compression: str | None) -> None:
    """Standard output is ndjson."""
    assert (output_format(path), output_compression(path)) == (format, compression)
