"""Encoders: rows to the bytes of an output format, in a worker. One format, one module, loaded when asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.model import SinkSpec
    from pipeline.protocols import Encoder

_ENCODERS = {
    "arrow": "pipeline.sink.encoders.arrow:ArrowEncoder",
    "csv": "pipeline.sink.encoders.csv:CsvEncoder",
    "json": "pipeline.sink.encoders.json:JsonEncoder",
    "ndjson": "pipeline.sink.encoders.ndjson:NdjsonEncoder",
    "parquet": "pipeline.sink.encoders.parquet:ParquetEncoder",
}

OUTPUT_FORMATS = tuple(_ENCODERS)


def encoder_of(spec: SinkSpec) -> Encoder:
    """The encoder of a sink. Raises ValueError for a format or compression that it cannot write."""
    if spec.format not in _ENCODERS:
        raise ValueError(f"{spec.path}: format {spec.format} is not one of {', '.join(OUTPUT_FORMATS)}")
    module, _, name = _ENCODERS[spec.format].partition(":")
    encoder: Encoder = getattr(importlib.import_module(module), name)(spec)
    return encoder
