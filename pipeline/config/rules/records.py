"""Rules of inputs, `parse` and `transform`: one format, and only the keys that mean something to it."""

from __future__ import annotations

from pipeline.config.names import input_format, telling_part
from pipeline.config.places import Path
from pipeline.config.rules.rule import Problems, Rule, twice
from pipeline.config.schema import Config


def format_of(config: Config) -> str | None:
    """The format of the inputs: as configured, or as the first name tells."""
    return config.parse.format or input_format(config.inputs[0])


def _inputs_agree_on_a_format(config: Config) -> Problems:
    if config.parse.format is not None:
        return
    formats = [input_format(name) for name in config.inputs]
    for number, (name, format) in enumerate(zip(config.inputs, formats, strict=True)):
        path: Path = ("inputs", number)
        if format is None:
            yield path, f"the name {telling_part(name)!r} does not tell the format; set parse.format"
            return
        elif formats[0] is not None and format != formats[0]:
            yield path, f"is {format} by its name, but inputs[0] is {formats[0]}; set parse.format, or make two jobs"
            return


_ONLY_WITH = {
    "header": ("csv", "tsv", "fixed"),
    "delimiter": ("csv", "tsv"),
    "quote": ("csv", "tsv"),
    "null_values": ("csv", "tsv", "fixed"),
    "widths": ("fixed",),
    "columns": ("csv", "tsv", "fixed", "ndjson", "parquet"),
    "encoding": ("csv", "tsv", "fixed", "ndjson", "lines", "log"),
}
_WHY_NOT = {
    ("columns", "log"): "log has its own columns; choose with transform: [{select: [...]}]",
    ("columns", "lines"): "lines has the one column line",
}


def _format_takes_the_keys(config: Config) -> Problems:
    format = format_of(config)
    if format is None:
        return
    for key, formats in _ONLY_WITH.items():
        given = key in config.parse.model_fields_set and getattr(config.parse, key) is not None
        if given and format not in formats:
            why = _WHY_NOT.get((key, format), f"means nothing for {format}; it is for {', '.join(formats)}")
            yield ("parse", key), why


def _delimiter_is_not_the_quote(config: Config) -> Problems:
    parse = config.parse
    delimiter = parse.delimiter or ("\t" if format_of(config) == "tsv" else ",")
    quote = '"' if parse.quote is None and format_of(config) != "tsv" else parse.quote
    if delimiter == quote:
        yield ("parse", "delimiter" if parse.delimiter else "quote"), "delimiter and quote are the same character"


def _fixed_has_widths(config: Config) -> Problems:
    if format_of(config) != "fixed":
        return
    columns, widths = config.parse.columns, config.parse.widths
    for key, value in (("columns", columns), ("widths", widths)):
        if value is None:
            yield ("parse", "format"), f"fixed needs parse.{key}"
    if columns is not None and widths is not None and len(columns) != len(widths):
        yield ("parse", "widths"), f"has {len(widths)} widths for {len(columns)} columns"


def _a_select_names_once(config: Config) -> Problems:
    for number, step in enumerate(config.transform):
        yield from twice(("transform", number, "select"), step.select or ())


_FORMAT: tuple[Path, ...] = (("parse", "format"), ("inputs",))

RULES = (
    Rule(_inputs_agree_on_a_format, _FORMAT),
    Rule(_format_takes_the_keys, _FORMAT),
    Rule(_delimiter_is_not_the_quote, (*_FORMAT, ("parse", "delimiter"), ("parse", "quote"))),
    Rule(_fixed_has_widths, (*_FORMAT, ("parse", "columns"), ("parse", "widths"))),
    Rule(_a_select_names_once, (("transform",),)),
)
