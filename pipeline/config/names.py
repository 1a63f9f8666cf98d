"""What the name of an input or an output says about its format. Names only: nothing is opened."""

from __future__ import annotations

from types import MappingProxyType
from urllib.parse import urlsplit

_INPUT_FORMATS = MappingProxyType(
    {
        ".csv": "csv",
        ".fwf": "fixed",
        ".jsonl": "ndjson",
        ".log": "log",
        ".ndjson": "ndjson",
        ".parquet": "parquet",
        ".tab": "tsv",
        ".tsv": "tsv",
        ".txt": "lines",
    }
)
_INPUT_COMPRESSIONS = (".gz", ".bgz", ".bz2", ".xz", ".zst", ".zip")
_OUTPUT_FORMATS = MappingProxyType(
    {
        ".arrow": "arrow",
        ".csv": "csv",
        ".ipc": "arrow",
        ".json": "json",
        ".jsonl": "ndjson",
        ".ndjson": "ndjson",
        ".parquet": "parquet",
    }
)
_OUTPUT_COMPRESSIONS = MappingProxyType({".gz": "gzip", ".zst": "zstd"})


def input_format(name: str) -> str | None:
    """The format that an input's name tells, compression aside; None where it tells none."""
    name = telling_part(name).lower()
    for suffix in _INPUT_COMPRESSIONS:
        name = name.removesuffix(suffix)
    return _suffix_of(name, _INPUT_FORMATS)


def telling_part(name: str) -> str:
    """What of an input's name tells a format: of a URL its path, which has no credentials."""
    return urlsplit(name).path if name.lower().startswith(("http://", "https://")) else name


def output_format(path: str) -> str | None:
    """The format that an output's name tells, compression aside; standard output is ndjson."""
    if path == "-":
        return "ndjson"
    name = path.lower()
    for suffix in _OUTPUT_COMPRESSIONS:
        name = name.removesuffix(suffix)
    return _suffix_of(name, _OUTPUT_FORMATS)


def output_compression(path: str) -> str | None:
    """The compression that an output's name tells."""
    return _suffix_of(path.lower(), _OUTPUT_COMPRESSIONS)


def _suffix_of(name: str, known: MappingProxyType[str, str]) -> str | None:
    return next((meaning for suffix, meaning in known.items() if name.endswith(suffix)), None)
