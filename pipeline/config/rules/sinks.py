"""Rules of `sink`: every output has a format and a place of its own."""

from __future__ import annotations

import os.path

from pipeline.config.names import output_compression, output_format
from pipeline.config.places import Path
from pipeline.config.rules.rule import Problems, Rule
from pipeline.config.schema import Config


def _sinks_have_a_format(config: Config) -> Problems:
    for number, sink in enumerate(config.sinks):
        path: Path = ("sink", number, "path")
        format = sink.format or output_format(sink.path)
        told = output_compression(sink.path)
        if format is None:
            yield (
                path,
                f"the name {sink.path!r} does not tell the format; end it in .parquet, .csv or .ndjson, or set format",
            )
        elif format == "parquet" and (sink.compression or told or "none") != "none":
            yield path, "parquet is compressed inside; it takes no further compression"
        elif told and sink.compression and sink.compression != told:
            yield ("sink", number, "compression"), f"is {sink.compression}, but the name {sink.path!r} says {told}"


def _sinks_are_apart(config: Config) -> Problems:
    first: dict[str, int] = {}
    for number, sink in enumerate(config.sinks):
        place = _place(sink.path)
        if place in first:
            yield ("sink", number, "path"), f"sink[{first[place]}] writes {sink.path!r} already"
        first.setdefault(place, number)


def _no_output_is_an_input(config: Config) -> Problems:
    inputs = {_place(name): number for number, name in enumerate(config.inputs)}
    for number, sink in enumerate(config.sinks):
        if sink.path != "-" and (found := inputs.get(_place(sink.path))) is not None:
            yield ("sink", number, "path"), f"would overwrite inputs[{found}]"


def _place(path: str) -> str:
    """The file itself, whatever links and dots lead to it."""
    return path if path == "-" else os.path.realpath(path)


RULES = (
    Rule(_sinks_have_a_format, (("sink",),)),
    Rule(_sinks_are_apart, (("sink",),)),
    Rule(_no_output_is_an_input, (("sink",), ("inputs",))),
)
