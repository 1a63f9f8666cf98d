"""A `Config` to a `model.Job`: every default filled in, nothing left to guess for a worker."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.config.names import output_compression, output_format
from pipeline.config.rules.records import format_of
from pipeline.config.schema import Config
from pipeline.config.sections.aggregate import AggregateSection
from pipeline.config.sections.sink import SinkSection
from pipeline.config.sections.transform import StepSection
from pipeline.model import AggregateSpec, Column, Derive, Job, ParseSpec, Select, SinkSpec, Step, Where

LOG_COLUMNS = (
    Column("host", "string"),
    Column("ident", "string"),
    Column("user", "string"),
    Column("time", "datetime"),
    Column("method", "string"),
    Column("path", "string"),
    Column("protocol", "string"),
    Column("status", "int32"),
    Column("bytes", "int64"),
    Column("referer", "string"),
    Column("user_agent", "string"),
)
"""The fields of a web server log, common or combined; `time` is UTC."""

LINES_COLUMNS = (Column("line", "string"),)


def job_of(config: Config) -> Job:
    """The job of a loaded config. Total: `load` has checked all that could be wrong."""
    return Job(
        parse=_parse_spec(config),
        transform=tuple(_step(step) for step in config.transform),
        aggregate=None if config.aggregate is None else _aggregate_spec(config.aggregate),
        sinks=tuple(_sink_spec(sink) for sink in config.sinks),
        chunk_bytes=config.run.chunk_bytes,
    )


def _parse_spec(config: Config) -> ParseSpec:
    parse, format = config.parse, format_of(config) or "lines"
    delimiter, quote, nulls = {"csv": (",", '"', ("",)), "tsv": ("\t", "", ("",)), "fixed": ("", "", ("",))}.get(
        format, ("", "", ())
    )
    own = {"log": LOG_COLUMNS, "lines": LINES_COLUMNS}.get(format)
    columns = tuple(Column(name, type) for name, type in parse.columns.items()) if parse.columns else own
    return ParseSpec(
        format=format,
        header=format in {"csv", "tsv"} if parse.header is None else parse.header,
        columns=columns,
        delimiter=delimiter if parse.delimiter is None else parse.delimiter,
        quote=quote if parse.quote is None else parse.quote,
        null_values=nulls if parse.null_values is None else parse.null_values,
        encoding=parse.encoding,
        compression=parse.compression,
        widths=parse.widths or (),
        on_bad_record=parse.on_bad_record,
        max_record_bytes=parse.max_record_bytes,
        shard_column=_speaks_of(config, "_shard"),
        line_column=_speaks_of(config, "_line"),
    )


def _step(step: StepSection) -> Step:
    if step.where is not None:
        return Where(step.where)
    if step.derive is not None:
        return Derive(tuple(step.derive.items()))
    return Select(step.select or ())


def _aggregate_spec(aggregate: AggregateSection) -> AggregateSpec:
    return AggregateSpec(
        by=aggregate.by,
        metrics=tuple(aggregate.metrics.items()),
        having=aggregate.having,
        order_by=aggregate.order_by,
        limit=aggregate.limit,
    )


def _sink_spec(sink: SinkSection) -> SinkSpec:
    return SinkSpec(
        path=sink.path,
        format=sink.format or output_format(sink.path) or "ndjson",
        compression=sink.compression or output_compression(sink.path) or "none",
    )


def _speaks_of(config: Config, column: str) -> bool:
    """Whether any name or expression over records has `column` as a word."""
    word = re.compile(rf"\b{column}\b")
    return any(word.search(text) for text in _row_texts(config))


def _row_texts(config: Config) -> Iterator[str]:
    for step in config.transform:
        yield from (step.where or "", *(step.derive or {}).values(), *(step.select or ()))
    if config.aggregate:
        yield from (*config.aggregate.by, *config.aggregate.metrics.values())
