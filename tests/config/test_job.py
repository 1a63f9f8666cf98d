"""From config to job: every default filled in."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from pipeline.config import Config, job_of
from pipeline.config.quantities import RejectLimit
from pipeline.model import AggregateSpec, Column, Derive, Job, ParseSpec, Select, SinkSpec, Where

Read = Callable[..., Config]

FULL = """\
name: ngrams
inputs: [data/*.tsv.gz, 'https://host/1gram-{a..z}.gz']
fetch:
  concurrency: 32
  per_host: 8
  timeout: 45s
  retries: 3
  headers: {Accept: '*/*'}
  on_missing: skip
  on_corrupt: fail
parse:
  format: tsv
  compression: gzip
  header: false
  columns: {ngram: string, year: int32, price: 'decimal(10, 2)'}
  on_bad_record: fail
  max_rejects: 10
  max_record: 1MiB
  delimiter: '|'
  quote: "'"
  null_values: [NA, '']
  encoding: latin-1
transform:
  - where: year >= 1900
  - derive: {decade: year - year % 10, shard: _shard}
  - select: [ngram, decade]
aggregate:
  by: [ngram]
  metrics: {n: count(), p90: "quantile(price, 0.9)"}
  having: n > 1
  order_by: [-n]
  limit: 10
sink:
  - out/a.parquet
  - {path: '-', format: csv}
  - b.ndjson.zst
run:
  workers: 3
  memory: 2GiB
  chunk: 8MiB
  on_poison: fail
  state: state
"""


def test_every_key_arrives(read: Read) -> None:
    """What the file says is what the job does."""
    config = read(FULL)
    assert job_of(config) == Job(
        parse=ParseSpec(
            format="tsv",
            header=False,
            columns=(Column("ngram", "string"), Column("year", "int32"), Column("price", "decimal(10,2)")),
            delimiter="|",
            quote="'",
            null_values=("NA", ""),
            encoding="latin-1",
            compression="gzip",
            on_bad_record="fail",
            max_record_bytes=1 << 20,
            shard_column=True,
        ),
        transform=(
            Where("year >= 1900"),
            Derive((("decade", "year - year % 10"), ("shard", "_shard"))),
            Select(("ngram", "decade")),
        ),
        aggregate=AggregateSpec(
            by=("ngram",),
            metrics=(("n", "count()"), ("p90", "quantile(price, 0.9)")),
            having="n > 1",
            order_by=("-n",),
            limit=10,
        ),
        sinks=(
            SinkSpec("out/a.parquet", "parquet", "none"),
            SinkSpec("-", "csv", "none"),
            SinkSpec("b.ndjson.zst", "ndjson", "zstd"),
        ),
        chunk_bytes=8 << 20,
    )
    fetch, run = config.fetch, config.run
    assert (fetch.concurrency, fetch.per_host, fetch.timeout_s, fetch.retries) == (32, 8, 45.0, 3)
    assert (dict(fetch.headers), fetch.on_missing) == ({"Accept": "*/*"}, "skip")
    assert config.parse.max_rejects == RejectLimit(count=10)
    assert (run.workers, run.memory_bytes, run.chunk_bytes, run.state) == (3, 2 << 30, 8 << 20, "state")


def test_the_defaults_are_those_of_the_contract(read: Read) -> None:
    """Three keys make a job."""
    config = read("")
    assert job_of(config) == Job(ParseSpec("csv"), (), None, (SinkSpec("out.csv", "csv"),), 16 << 20)
    fetch, run = config.fetch, config.run
    assert (fetch.concurrency, fetch.per_host, fetch.timeout_s, fetch.retries) == ("auto", 16, 30.0, 8)
    assert (dict(fetch.headers), fetch.on_missing, fetch.on_corrupt) == ({}, "fail", "fail")
    assert config.parse.max_rejects == RejectLimit(share=0.001)
    assert (run.workers, run.memory_bytes, run.on_poison, run.state) == ("auto", 1 << 30, "fail", ".pipeline")


FIXED = ParseSpec("fixed", header=False, columns=(Column("a", "string"),), delimiter="", quote="", widths=(4,))


@pytest.mark.parametrize(
    ("inputs", "spec"),
    [
        ("a.csv", ParseSpec("csv")),
        ("a.tsv", ParseSpec("tsv", delimiter="\t", quote="")),
        ("a.ndjson", ParseSpec("ndjson", header=False, delimiter="", quote="", null_values=())),
        ("a.fwf\nparse: {columns: {a: string}, widths: [4]}", FIXED),
        ("a.parquet", ParseSpec("parquet", header=False, delimiter="", quote="", null_values=())),
    ],
)
def test_each_format_has_its_defaults(read: Read, inputs: str, spec: ParseSpec) -> None:
    """A tab and no quotes for tsv; a header for csv and tsv only; null is the empty field."""
    assert job_of(read(f"inputs: {inputs}")).parse == spec


def test_log_and_lines_have_columns_of_their_own(read: Read) -> None:
    """Nothing is inferred for them."""
    log, lines = (job_of(read(f"inputs: a.{suffix}")).parse.columns for suffix in ("log", "txt"))
    names = "host ident user time method path protocol status bytes referer user_agent"
    assert [column.name for column in log or ()] == names.split()
    assert lines == (Column("line", "string"),)


@pytest.mark.parametrize(
    ("text", "shard", "line"),
    [
        ("transform: [{where: _line > 5}]", False, True),
        ("transform: [{derive: {x: upper(_shard)}}]", True, False),
        ("transform: [{select: [_shard, _line]}]", True, True),
        ("aggregate: {by: [_shard]}", True, False),
        ("aggregate: {metrics: {m: max(_line)}}", False, True),
        ("transform: [{where: my_line > 5 and _shards = 1}]", False, False),
    ],
)
def test_columns_on_request_come_when_a_job_speaks_of_them(read: Read, text: str, *, shard: bool, line: bool) -> None:
    """As words: `my_line` is another column."""
    spec = job_of(read(text)).parse
    assert (spec.shard_column, spec.line_column) == (shard, line)


def test_equal_configs_make_equal_jobs(read: Read) -> None:
    """Workers keep a compiled job by its value, so it hashes and survives pickling."""
    job = job_of(read(FULL))
    assert hash(job) == hash(job_of(read(FULL)))
    assert pickle.loads(pickle.dumps(job)) == job
