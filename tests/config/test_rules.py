"""Rules across keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.config import Config


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("run: {chunk: 300MiB}", "run.chunk: must fit in run.memory four times"),
        ("run: {memory: 60MiB}", "run.memory: must hold run.chunk (16MiB unless given) four times"),
        ("parse: {max_record: 257MiB}", "parse.max_record: must fit in run.memory four times"),
        (
            "run: {chunk: 1MiB, memory: 31MiB}",
            "run.memory: must hold a record of parse.max_record (8MiB unless given) four times",
        ),
        ("inputs: data/*", "inputs: the name 'data/*' does not tell the format; set parse.format"),
        ("inputs: [a.csv, b.tsv]", "inputs[1]: is tsv by its name, but inputs[0] is csv"),
        ("parse: {format: ndjson, header: true}", "parse.header: means nothing for ndjson; it is for csv, tsv, fixed"),
        ("inputs: a.log\nparse: {delimiter: ';'}", "parse.delimiter: means nothing for log; it is for csv, tsv"),
        ("parse: {format: lines, quote: '\"'}", "parse.quote: means nothing for lines"),
        ("parse: {format: parquet, encoding: latin-1}", "parse.encoding: means nothing for parquet"),
        ("parse: {format: log, columns: {host: string}}", "parse.columns: log has its own columns"),
        ("parse: {format: lines, columns: {l: string}}", "parse.columns: lines has the one column line"),
        ("parse: {widths: [1]}", "parse.widths: means nothing for csv; it is for fixed"),
        ("parse: {format: fixed, columns: {a: string}}", "parse.format: fixed needs parse.widths"),
        ("parse: {format: fixed, widths: [1]}", "parse.format: fixed needs parse.columns"),
        ("parse: {format: fixed, columns: {a: string}, widths: [1, 2]}", "parse.widths: has 2 widths for 1 columns"),
        ("parse: {delimiter: '\"'}", "parse.delimiter: delimiter and quote are the same character"),
        ("parse: {quote: ','}", "parse.quote: delimiter and quote are the same character"),
        ("parse: {format: tsv, quote: \"\\t\"}", "parse.quote: delimiter and quote are the same character"),
        ("transform: [{select: [a, b, a]}]", "transform[0].select[2]: 'a' is listed twice"),
        ("aggregate: {by: [a, a]}", "aggregate.by[1]: 'a' is listed twice"),
        ("aggregate: {by: [a], metrics: {a: count()}}", "aggregate.metrics.a: is also one of the keys"),
        ("aggregate: {}", "aggregate: needs by or metrics"),
        ("aggregate: {by: week, order_by: -weak}", "'weak' is neither a key nor a metric; did you mean 'week'?"),
        ("aggregate: {by: [a], order_by: [a, -a]}", "aggregate.order_by[1]: 'a' is listed twice"),
        ("aggregate: {by: [a], metrics: {n: count()}, having: m > 5}", "having: 'm' is neither a key nor a metric"),
        ("aggregate: {by: [a], having: '\"a b\" = 1'}", "aggregate.having: 'a b' is neither a key nor a metric"),
        ("sink: out.xlsx", "sink: the name 'out.xlsx' does not tell the format"),
        ("sink: [x.parquet.gz]", "sink[0]: parquet is compressed inside; it takes no further compression"),
        ("sink: {path: x.parquet, compression: zstd}", "sink.path: parquet is compressed inside"),
        ("sink: {path: x.csv.gz, compression: zstd}", "sink.compression: is zstd, but the name 'x.csv.gz' says gzip"),
        ("sink: [x.csv, ./x.csv]", "sink[1]: sink[0] writes './x.csv' already"),
        ("sink: ['-', {path: '-', format: csv}]", "sink[1].path: sink[0] writes '-' already"),
        ("sink: ./a.csv", "sink: would overwrite inputs[0]"),
    ],
)  # fmt: skip
def test_an_impossible_combination_is_refused(refused: Callable[..., list[str]], text: str, complaint: str) -> None:
    """Each rule has its words, at the key that should change."""
    (said,) = refused(text)
    assert complaint in said


@pytest.mark.parametrize(
    "text",
    [
        "run: {chunk: 256MiB, memory: 1GiB}",
        "inputs: [a.csv, b.csv.gz, 'https://host/c.csv?x=1']",
        "inputs: data/*\nparse: {format: csv}",
        "inputs: [a.csv, b.tsv]\nparse: {format: csv}",
        "parse: {format: tsv, quote: '\"', header: false}",
        "parse: {quote: ''}",
        "parse: {format: fixed, columns: {a: string, b: int32}, widths: [3, 4], null_values: ['']}",
        "transform: [{select: [a]}, {select: [a]}]",
        "aggregate: {metrics: {n: count()}}",
        "aggregate: {by: a}",
        "aggregate: {by: [a], metrics: {n: count(), x: sum(b)}, order_by: [-n, a]}",
        "sink: [x.csv, x.parquet, '-']",
        "sink: {path: out, format: csv, compression: gzip}",
        "sink: {path: x.csv.gz, compression: gzip}",
    ],
)
def test_what_fits_together_is_taken(read: Callable[..., Config], text: str) -> None:
    """The rules do not go too far."""
    read(text)


@pytest.mark.parametrize(
    "having",
    [
        "n > 1000 and a is not null",
        "a like 'x%' or a in ('m', 'it''s m')",
        "n between 1 and 1e5 and not (a = 'm')",
        "cast(n as double) / 2 > 0.5",
        "case when n > 1 then true else false end",
        "extract(year from a) > 2000 and a > date '2020-01-01'",
        "upper(a) = 'M' -- m",
        "/* m */ n > 1",
        '"n" > 1',
        "cast(n as int64) > 1 and a > timestamp '2020-01-01' - interval '1 day'",
        "n > 1 " * 3000,
    ],
)
def test_words_of_sql_in_having_are_no_names(read: Callable[..., Config], having: str) -> None:
    """Keywords, types, functions, literals and comments do not have to be keys or metrics."""
    read("aggregate:\n  by: [a]\n  metrics: {n: count()}\n  having: |\n    " + having)
