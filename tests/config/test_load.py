"""Loading: every complaint at once, each with its line; secrets never shown."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import Config, load
from pipeline.config.load import parse
from pipeline.errors import ConfigError

Refused = Callable[..., list[str]]
Read = Callable[..., Config]

FIVE_MISTAKES = """\
name: Night Job
inputs:
  - a.csv
parse:
  colums: {a: int32}
  max_record: 8 parsecs
aggregate:
  by: [a]
  metrics: {m: smu(b)}
sink: out/x.csv
run:
  wrokers: 2
"""


def test_five_mistakes_are_five_lines(tmp_path: Path) -> None:
    """All complaints come at once, in the order of the lines, each `file:line: key: problem` with the nearest name."""
    path = tmp_path / "job.yaml"
    path.write_text(FIVE_MISTAKES, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(str(path), environ={})
    assert str(caught.value).splitlines() == [
        f"{path}:1: name: 'Night Job' must be 1 to 100 of a-z, 0-9, _ and -",
        f"{path}:5: parse.colums: unknown key; did you mean 'columns'?",
        f"{path}:6: parse.max_record: expected a size such as 16MiB or 1GB, not '8 parsecs'",
        f"{path}:9: aggregate.metrics.m: unknown metric 'smu'; did you mean 'sum'?",
        f"{path}:12: run.wrokers: unknown key; did you mean 'workers'?",
    ]


def test_rules_across_keys_are_checked_beside_mistakes_in_others(refused: Refused) -> None:
    """A failed field does not hide a rule that it has no part in (pydantic's own validators would)."""
    assert refused("""\
        name: X
        run: {chunk: 1GiB, workers: many}
        aggregate: {by: [a], order_by: [b]}
        sink: [b.csv, ./b.csv]
        """) == [
        "job.yaml:1: name: 'X' must be 1 to 100 of a-z, 0-9, _ and -",
        "job.yaml:2: run.chunk: must fit in run.memory four times; make it smaller or give more memory",
        "job.yaml:2: run.workers: expected auto or a number from 1 to 10000, not 'many'",
        "job.yaml:3: aggregate.order_by[0]: 'b' is neither a key nor a metric",
        "job.yaml:4: sink[1]: sink[0] writes './b.csv' already",
    ]


def test_a_rule_is_silent_about_what_is_already_broken(refused: Refused) -> None:
    """No complaint is the consequence of another one."""
    assert refused("aggregate: {by: [a], metrics: {n: cuont()}, order_by: [n], having: n > 1}") == [
        "job.yaml:1: aggregate.metrics.n: unknown metric 'cuont'; did you mean 'count'?"
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "parse: {compression: gzp}",
            "parse.compression: expected auto, none, gzip, bzip2, xz or zstd, not 'gzp'; did you mean 'gzip'?",
        ),
        ("parse: {header: yes}", "parse.header: expected true or false, not 'yes'"),
        ("fetch: {retries: '8'}", "fetch.retries: expected a whole number, not '8'"),
        ("fetch: {retries: 1.5}", "fetch.retries: expected a whole number, not 1.5"),
        ("fetch: {retries: true}", "fetch.retries: expected a whole number, not true"),
        ("fetch: {retries: -1}", "fetch.retries: must be at least 0, not -1"),
        ("fetch: {timeout: 30}", "fetch.timeout: expected a duration such as 500ms, 30s, 10m or 1h, not 30"),
        ("fetch: {timeout: 0s}", "fetch.timeout: must be longer than 0s"),
        ("fetch: fast", "fetch: expected a mapping of keys to values, not 'fast'"),
        ("fetch:", "fetch: is empty; give it a value or remove the key"),
        ("fetch: {retires: 3}", "fetch.retires: unknown key; did you mean 'retries'?"),
        ("workers: 3", "workers: unknown key; it belongs below 'run'"),
        (
            "frobnicate: 3",
            "frobnicate: unknown key; keys here are name, inputs, fetch, parse, transform, aggregate, sink, run, tests",
        ),
        ("name: 5", "name: expected text, not 5; quote it"),
        ("inputs: []", "inputs: is empty; give it a value or remove the key"),
        ("inputs: [a.csv, 5]", "inputs[1]: expected text, not 5; quote it"),
        ("inputs: ['']", "inputs[0]: is empty"),
        ("inputs: 'ftp://host/a.csv'", "inputs: ftp:// is not a source; local paths, http:// and https:// are"),
        ("sink: {format: csv}", "sink.path: is missing"),
        ("sink: [{path: a.csv, fromat: csv}]", "sink[0].fromat: unknown key; did you mean 'format'?"),
        ("sink: out/", "sink: 'out/' is not the path of a file"),
        (
            "sink: out/{date:%Y-%m-%d}.csv",
            "sink: dates in outputs are not supported; name one for each run: --set sink=out/$(date +%F).csv",
        ),
        ("transform: {where: a > 1}", "transform: expected a list, not a mapping"),
        (
            "transform: [{where: a > 1, select: [a]}]",
            "transform[0]: a step has exactly one key, not where, select; begin each step with its own '- '",
        ),
        ("transform: [{whre: a > 1}]", "transform[0].whre: unknown key; did you mean 'where'?"),
        ("transform: [{where: ''}]", "transform[0].where: is empty"),
        ("transform: [{select: []}]", "transform[0].select: is empty; give it a value or remove the key"),
        ("transform: [{derive: {x: 1}}]", "transform[0].derive.x: expected text, not 1; quote it"),
        ("parse: {columns: {a: int}}", "parse.columns.a: unknown type 'int'; did you mean 'int64'?"),
        (
            "parse: {max_rejects: 0.1}",
            "parse.max_rejects: expected a count such as 100 or a percentage such as 0.1%, not 0.1",
        ),
        (
            r"parse: {delimiter: \t}",
            r"""parse.delimiter: must be one ASCII character, not '\\t'; in double quotes "\t" is a tab""",
        ),
        (
            "parse: {encoding: utf9}",
            "parse.encoding: unknown encoding 'utf9'; utf-8, utf-16, latin-1 and cp1252 are the usual ones",
        ),
        (
            "parse: {encoding: base64}",
            "parse.encoding: unknown encoding 'base64'; utf-8, utf-16, latin-1 and cp1252 are the usual ones",
        ),
        ("parse: {null_values: [NA, 0]}", "parse.null_values[1]: expected text, not 0; quote it"),
        ("fetch: {headers: {A: 5}}", "fetch.headers: the value of A must be text; quote it"),
        ("fetch: {headers: {'A B': x}}", "fetch.headers: 'A B' cannot be the name of a header"),
        ('fetch: {headers: {A: "x\\ny"}}', "fetch.headers: the value of A has a line break or control character"),
        ("fetch: {headers: {Accept: x, accept: y}}", "fetch.headers: the same header is given twice in different case"),
        ("aggregate: {metrics: {m: quantile(x)}}", "aggregate.metrics.m: quantile takes 2 arguments: quantile(x, q)"),
        ("aggregate: {by: [a], limit: 0}", "aggregate.limit: must be at least 1, not 0"),
        ("run: {chunk: 0}", "run.chunk: must be at least 1 byte"),
        ("run: {memory: lots}", "run.memory: expected a size such as 16MiB or 1GB, not 'lots'"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(refused: Refused, text: str, complaint: str) -> None:
    """What is wrong, with the value, and what would be right."""
    assert refused(text) == [f"job.yaml:1: {complaint}"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("inputs: {values: [200_000_000, 50_000_000]}", "inputs.values"),
        ("inputs: {from: list.csv}", "inputs.from"),
        ("inputs: s3://bucket/**/*.parquet", "inputs"),
        ("inputs: [gs://bucket/a.csv]", "inputs[0]"),
        ("inputs: [az://bucket/a.csv]", "inputs[0]"),
        ("fetch: {split: 8MiB}", "fetch.split"),
        ("fetch: {checksums: SHA256SUMS}", "fetch.checksums"),
        ("fetch: {on_corrupt: skip}", "fetch.on_corrupt"),
        ("fetch: {on_corrupt: keep}", "fetch.on_corrupt"),
        ("transform: [{function: words:split}]", "transform[0].function"),
        ("aggregate: {function: words:count}", "aggregate.function"),
        ("sink: sqlite:///a.db", "sink"),
        ("sink: [postgresql://host/db]", "sink[0]"),
        ("sink: a.duckdb", "sink"),
        ("sink: s3://bucket/a.parquet", "sink"),
        ("sink: https://host/a", "sink"),
        ("sink: 'out/{carrier}/a.parquet'", "sink"),
        ("sink: {path: a.csv, every: 5m}", "sink.every"),
        ("sink: [{path: a.csv, mode: append}]", "sink[0].mode"),
        ("sink: {path: a.csv, key: a}", "sink.key"),
        ("sink: {path: a.csv, table: t}", "sink.table"),
        ("tests: []", "tests"),
    ],
)
def test_what_comes_later_is_refused_and_not_ignored(refused: Refused, text: str, key: str) -> None:
    """A key of the contract without its behaviour is `not supported yet`, never accepted in silence."""
    (complaint,) = refused(text)
    assert complaint.startswith(f"job.yaml:1: {key}: ")
    assert "not supported yet" in complaint


def test_missing_required_keys_are_named() -> None:
    """All three of them."""
    with pytest.raises(ConfigError) as caught:
        parse("run: {workers: 1}", "job.yaml", environ={})
    assert list(caught.value.complaints) == [f"job.yaml:1: {key}: is missing" for key in ("inputs", "name", "sink")]


@pytest.mark.parametrize("text", ["", "# nothing", "- a", "5", "text"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    """One complaint that says how a config begins."""
    with pytest.raises(ConfigError, match="must be a mapping of keys to values that begins with 'name"):
        parse(text, "job.yaml", environ={})


def test_a_flood_of_mistakes_is_cut_short(refused: Refused) -> None:
    """Two hundred complaints are enough; how many more there are is said."""
    complaints = refused("".join(f"x{n}: 1\n" for n in range(1000)))
    assert len(complaints) == 201
    assert complaints[-1] == "job.yaml: 800 more complaints are not shown"


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, r"job.yaml:1: cannot be read: No such file or directory"),
        (b"name: x\ninputs: \xff", r"job.yaml:2: is not UTF-8"),
        (b"x" * 1_000_001, r"job.yaml:1: is larger than 1,000,000 bytes"),
        (b"name: 'x", r"job.yaml:1: is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_complaint(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """Missing, not text, too large, not YAML: never another exception."""
    path = tmp_path / "job.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        load(str(path), environ={})


def test_a_folder_is_a_complaint(tmp_path: Path) -> None:
    """A folder is not a file."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(str(tmp_path), environ={})


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "job.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\r\ninputs: a.csv\r\nsink: b.csv\r\n")
    assert load(str(path), environ={}).name == "x"


def test_a_complaint_never_breaks_its_line(refused: Refused) -> None:
    """A key or value with control characters neither forges a line nor speaks to the terminal."""
    complaints = refused('"a\\nb\\e[31m": 1\nfetch: {timeout: "1\\n2"}\nname: "x\\r\\ny"')
    assert len(complaints) == 3
    assert all(line.isprintable() for line in complaints)


# --- the environment and --set -----------------------------------------------------------------------------------


def test_values_from_the_environment_are_typed(read: Read) -> None:
    """Numbers where numbers are wanted, text where text is, whatever the variable looks like."""
    config = read(
        """\
        name: ${JOB}
        inputs: ['${DIR}/a.csv']
        run: {workers: '${N}', memory: '${MEMORY}'}
        fetch: {headers: {A: '${N}x'}}
        """,
        {"JOB": "2026", "DIR": "null", "N": "3", "MEMORY": "2GiB"},
    )
    assert (config.name, config.inputs, config.run.workers) == ("2026", ("null/a.csv",), 3)
    assert config.run.memory_bytes == 2 << 30
    assert dict(config.fetch.headers) == {"A": "3x"}


SECRET = "hunter2 'quoted' \"hunter3\""
SECRET_CONFIGS = [
    "name: ${S}",
    "inputs: ${S}",
    "inputs: ['${S}.csv', '${S}.tsv']",
    "inputs: s3://${S}",
    "fetch: {timeout: '${S}', retries: '${S}'}",
    'fetch: {headers: {Authorization: "Bearer ${S}\\n"}}',
    "parse: {format: '${S}', delimiter: '${S}', encoding: '${S}', max_rejects: '${S}', header: '${S}'}",
    "parse: {columns: {a: '${S}'}}",
    "parse: {widths: ['${S}']}",
    "transform: ['${S}']",
    "transform: [{select: ['${S}', '${S}']}]",
    "aggregate: {metrics: {m: '${S}'}}",
    "aggregate: {metrics: {m: 'sum(${S}'}}",
    "aggregate: {by: ['${S}', '${S}'], metrics: {m: count()}}",
    "aggregate: {by: [a], order_by: '${S}'}",
    "aggregate: {by: [a], order_by: ['-${S}']}",
    "aggregate: {by: [a], having: '${S}'}",
    "sink: ${S}",
    "sink: ['x${S}.csv', 'x${S}.csv']",
    "sink: 'out/{${S}}.csv'",
    "sink: 'p://${S}'",
    "run: {workers: '${S}', memory: '${S}', state: '${UNSET}'}",
]


@pytest.mark.parametrize("text", SECRET_CONFIGS)
def test_no_complaint_shows_a_value_from_the_environment(refused: Refused, text: str) -> None:
    """It may be a secret: complaints cite what is written in the file instead."""
    said = "\n".join(refused(text, {"S": SECRET}))
    assert "hunter2" not in said
    assert "hunter3" not in said


@pytest.mark.parametrize("secret", ["x", "is", "5", "null", "a,b", "count()", "{a}", "'", '"', "\\"])
@pytest.mark.parametrize("text", SECRET_CONFIGS)
def test_hostile_secrets_break_nothing(text: str, secret: str) -> None:
    """Short, empty-looking and quoting values give a config or complaints, each on one line."""
    try:
        parse(f"{text}\n", "job.yaml", environ={"S": secret})
    except ConfigError as error:
        assert all("\n" not in line for line in error.complaints)  # noqa: PT017  # a config is right as well


def test_no_repr_shows_a_value(read: Read) -> None:
    """A config in a traceback or a log says which keys were given, not what they hold."""
    config = read("fetch: {headers: {Authorization: 'Bearer ${S}'}}\nsink: out-${S}.csv", {"S": "hunter2"})
    assert "hunter2" not in "".join(map(str, [config, config.fetch, config.fetch.headers, config.sinks[0]]))
    assert "hunter2" not in repr(config) + repr(config.fetch) + repr(config.fetch.headers) + repr(config.sinks)
    assert config.redact("GET x?token=hunter2 hunter2") == "GET x?token=*** ***"
    assert dict(config.fetch.headers) == {"Authorization": "Bearer hunter2"}


def test_overrides_win_over_the_file_and_later_ones_over_earlier(read: Read) -> None:
    """Values are YAML; sections that are not there are made; items of a list are numbered."""
    config = read(
        "inputs: [a.csv, b.csv]",
        overrides=["run.workers=2", "run.workers=4", "inputs[1]=c.csv", "sink=[x.csv, '-']", "parse.null_values=[NA]"],
    )
    assert config.run.workers == 4
    assert config.inputs == ("a.csv", "c.csv")
    assert [sink.path for sink in config.sinks] == ["x.csv", "-"]
    assert config.parse.null_values == ("NA",)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("run.workers=many", "--set run.workers: expected auto or a number from 1 to 10000, not 'many'"),
        ("run.wrokers=2", "--set run.wrokers: unknown key; did you mean 'workers'?"),
        ("fetch={retries: x}", "--set fetch: fetch.retries: expected a whole number, not 'x'"),
        ("run.workers", "--set: must read key=value, such as run.workers=4"),
        ("=4", "--set : must read key=value, such as run.workers=4"),
        ("a b=4", "--set a b: must read key=value, such as run.workers=4"),
        ("inputs[3]=x", "--set inputs[3]: there is no item [3] to set"),
        ("name.x=1", "--set name.x: 'x' cannot be set: what is around it is not a mapping"),
        ("run.chunk=[", "--set run.chunk: is not YAML"),
        ("run={workers: 1, workers: 2}", "--set run: is given twice"),
        ("name=${UNSET}", "--set name: environment variable UNSET is not set"),
        ("run.chunk=1GiB", "--set run.chunk: must fit in run.memory four times"),
    ],
)
def test_a_complaint_about_an_override_names_it(refused: Refused, override: str, complaint: str) -> None:
    """Instead of a line of the file, which is not at fault."""
    (said,) = refused("", overrides=[override])
    assert said.startswith(complaint)


def test_an_override_replaces_the_lines_of_what_was_there(refused: Refused) -> None:
    """The file is not blamed for a value that it no longer gives."""
    (complaint,) = refused("sink: [{path: a.csv}]", overrides=["sink=a.xlsx"])
    assert complaint.startswith("--set sink: the name 'a.xlsx'")


def test_what_is_found_later_is_reported_with_its_line(read: Read) -> None:
    """An expression is checked once the columns are known; its complaint has the place of the key all the same."""
    config = read("transform:\n  - where: a > ${S}\nsink: b.csv", {"S": "hunter2"}, ["run.workers=1"])
    faults = [(("run", "workers"), "x"), (("sink", 0, "path"), "x"), (("transform", 0, "where"), "no column 'hunter2'")]
    assert config.refused(faults).complaints == (
        "job.yaml:2: transform[0].where: no column '***'",
        "job.yaml:3: sink: x",
        "--set run.workers: x",
    )


def test_a_config_does_not_change(read: Read) -> None:
    """What was checked is what runs."""
    with pytest.raises(ValidationError):
        read("").run.workers = 3


def test_complaints_of_the_file_come_before_those_of_overrides(refused: Refused) -> None:
    """By line, then in the order of the command line."""
    complaints = refused("x: 1\nname: A", overrides=["z=1", "y=1"])
    assert [re.split(": ", each)[0] for each in complaints] == ["job.yaml:1", "job.yaml:2", "--set z", "--set y"]


# --- laws --------------------------------------------------------------------------------------------------------

KEY_WORDS = (
    "name inputs fetch parse transform aggregate sink run path by metrics where select columns headers values x "
    "order_by having chunk memory widths format"
)
KEYS = st.sampled_from(KEY_WORDS.split())
LEAVES = st.sampled_from(["x", "a.csv", "", "sum(x)", "1MiB", "fixed", "${S}", "${T}", None, True, 0, 1, 2.5, "-"])
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, TREES, max_size=8))
def test_any_document_is_a_config_or_complaints(tree: dict[str, Any]) -> None:
    """No shape of data makes loading fail in another way, and every complaint has a place."""
    import yaml  # noqa: PLC0415  # only here

    text = yaml.safe_dump(tree, sort_keys=False)
    try:
        parse(text, "job.yaml", environ={"S": "secret"})
    except ConfigError as error:
        complaints = error.complaints
        assert complaints
        assert all(re.match(r"job\.yaml:\d+: ", each) and "secret" not in each for each in complaints)


def test_loading_imports_nothing_heavy() -> None:
    """The parent starts fast: no dataframe library, no event loop, no http for reading a config."""
    code = "import sys, pipeline.config; print({'polars', 'pyarrow', 'asyncio', 'aiohttp'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
