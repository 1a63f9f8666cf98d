"""Whole runs with real workers, files and sockets: the laws from end to end."""

import asyncio
import bz2
import gzip
import json
import lzma
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import events
from pipeline.config.load import parse
from pipeline.engine.calls import Calls
from pipeline.engine.executors import Workers
from pipeline.engine.flow import Result, run
from pipeline.engine.plan import planned
from pipeline.engine.run_folder import run_folder
from pipeline.errors import ConfigError, CorruptInput, InputMissing, InputRefused, OutputError, cause_of
from pipeline.testing.server import Cut, Gate, Server, Status

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLIGHTS = Path(__file__).parents[2] / "data" / "flights"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls() -> AsyncIterator[Calls]:
    """Two workers for the whole module."""
    async with Workers(2) as workers:
        yield Calls(workers)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Paths of a config are relative to the working directory; a run leaves nothing but its outputs in it."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path(".pipeline").exists()
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


class Jobs:
    """Runs configs and remembers what happened."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.events: list[events.Event] = []
        self.before_run: Callable[[], object] = lambda: None

    async def run(self, config: str) -> Result:
        self.events.clear()
        loaded = parse(config, "job.yaml", environ=os.environ)
        with run_folder(loaded.run.state, loaded.name) as folder:
            try:
                async with planned(loaded, None, self.calls, folder, self.events.append) as plan:
                    self.before_run()
                    return await run(plan, self.calls, folder, self.events.append)
            except Exception as error:
                raise cause_of(error) from error

    def outcomes(self) -> list[events.TaskDone]:
        return [event for event in self.events if isinstance(event, events.TaskDone)]


@pytest.fixture
def jobs(calls: Calls) -> Jobs:
    return Jobs(calls)


async def test_the_flights_of_2013(jobs: Jobs) -> None:
    """Real data with known answers: every record counted once, NA is missing."""
    await jobs.run(f"""
        name: flights
        inputs: {FLIGHTS}/2013-{{01..12}}.csv.gz
        parse: {{null_values: NA, columns: {{carrier: string, dep_delay: int32}}}}
        aggregate:
          by: [carrier]
          metrics: {{flights: count(), delay: sum(dep_delay), known: count(dep_delay)}}
          order_by: [-flights]
        sink: out.parquet
    """)
    result = pl.read_parquet("out.parquet")
    assert result.select(pl.sum("flights", "delay", "known")).row(0) == (336_776, 4_152_200, 328_521)
    assert result.head(3).select("carrier", "flights").rows() == [("UA", 58_665), ("B6", 54_635), ("EV", 54_173)]
    assert sum(event.outcome.records for event in jobs.outcomes()) == 336_776


COMPRESS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, bz2.compress, lzma.compress]
RECORDS = st.lists(st.tuples(st.sampled_from(["a", "b", "ä", ""]), st.integers(-(2**40), 2**40)), max_size=40)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shards=st.lists(RECORDS, min_size=1, max_size=3), chunk=st.sampled_from([1, 7, 64, 1 << 20]), data=st.data())
async def test_cutting_compression_and_transport_do_not_matter(
    jobs: Jobs, shards: list[list[tuple[str, int]]], chunk: int, data: st.DataObject
) -> None:
    """Laws 1, 2 and 3: for the same records the output is byte for byte the same, however they come."""
    bodies = ["".join(f"{key}\t{value}\n" for key, value in records).encode() for records in shards]
    job = """
        name: job
        inputs: {inputs}
        parse: {{format: tsv, header: false, columns: {{key: string, value: int64}}}}
        aggregate:
          by: [key]
          metrics: {{n: count(), sum: sum(value), mid: median(value), one: first(value), kinds: count_distinct(value)}}
        sink: {sink}
        run: {{chunk: {chunk}}}
    """
    for number, body in enumerate(bodies):
        Path(f"{number}.tsv").write_bytes(body)
    plain = [f"{number}.tsv" for number in range(len(bodies))]
    await jobs.run(job.format(inputs=plain, sink="plain.csv", chunk="1MiB"))

    compress: Callable[[bytes], bytes] = data.draw(st.sampled_from(COMPRESS))
    stored = {f"/{number}": compress(body) for number, body in enumerate(bodies)}
    async with Server(stored) as server:
        inputs = [server.url(path) for path in stored]
        await jobs.run(job.format(inputs=inputs, sink="fetched.csv", chunk=chunk))
    assert Path("fetched.csv").read_bytes() == Path("plain.csv").read_bytes()
    expected = [record for records in shards for record in records]
    read = pl.read_csv("plain.csv", schema_overrides={"key": pl.String, "n": pl.Int64, "sum": pl.Int64})
    assert read["n"].sum() == len(expected)
    assert read["sum"].sum() == sum(value for _, value in expected)


ROW_WISE = """
    name: rows
    inputs: [b.csv, a.csv]
    transform: [{where: value <> 3}, {derive: {double: value * 2}}, {select: [name, double, _shard, _line]}]
    sink: [rows.csv, rows.parquet, rows.ndjson.gz]
    run: {chunk: 8}
"""


async def test_rows_come_out_in_canonical_order(jobs: Jobs) -> None:
    """A row-wise job: every sink has the transformed records, in the order of the inputs, with their places."""
    Path("a.csv").write_text('name,value\n"x\ny",1\nz,3\n')
    Path("b.csv").write_text("value,name\n5,p\n3,q\n7,r\n")
    await jobs.run(ROW_WISE)
    rows = [("p", 10, "b.csv", 2), ("r", 14, "b.csv", 4), ("x\ny", 2, "a.csv", 2)]
    assert pl.read_csv("rows.csv").rows() == rows
    assert pl.read_parquet("rows.parquet").rows() == rows
    assert [
        tuple(json.loads(line).values()) for line in gzip.decompress(Path("rows.ndjson.gz").read_bytes()).splitlines()
    ] == rows


async def test_standard_output_carries_rows_and_nothing_else(jobs: Jobs, capfd: pytest.CaptureFixture[str]) -> None:
    """`-` is ndjson, a row as soon as its chunk is done."""
    Path("a.csv").write_text("x\n1\n2\n")
    await jobs.run("{name: rows, inputs: a.csv, sink: '-'}")
    assert capfd.readouterr().out == '{"x":1}\n{"x":2}\n'


async def test_every_record_is_used_or_rejected(jobs: Jobs) -> None:
    """Law 7: rejects are counted, and kept with shard, line, byte, reason and text, whatever chunk they were in."""
    lines = [f"{number},{number}" if number % 10 else f"{number},x{number}" for number in range(1, 101)]
    Path("a.csv").write_text("id,value\n" + "\n".join(lines))
    result = await jobs.run("""
        name: job
        inputs: a.csv
        parse: {columns: {id: int64, value: int64}, max_rejects: 10}
        aggregate: {metrics: {n: count(), sum: sum(value)}}
        sink: out/result.csv
        run: {chunk: 64}
    """)
    assert result.rejects == "out/job.rejects.ndjson"
    rejects = [json.loads(line) for line in Path(result.rejects).read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [number + 1 for number in range(10, 101, 10)]
    assert rejects[0] == {
        "shard": "a.csv",
        "line": 11,
        "byte": Path("a.csv").read_bytes().index(b"10,x10"),
        "reason": "column 'value': 'x10' is not int64",
        "raw": "10,x10",
    }
    n = pl.read_csv("out/result.csv")["n"].item()
    assert n + len(rejects) == sum(event.outcome.records for event in jobs.outcomes()) == 100


async def test_too_many_rejects_refuse_the_run_and_are_kept(jobs: Jobs) -> None:
    """Past `max_rejects` the old output stays; the rejects are there to be looked at."""
    Path("a.csv").write_text("x\n1\nb\nc\n")
    Path("out.csv").write_text("old")
    with pytest.raises(InputRefused, match=r"2 of 3 records were rejected, parse.max_rejects allows 1\n"):
        await jobs.run("{name: j, inputs: a.csv, parse: {columns: {x: int8}, max_rejects: 1}, sink: out.csv}")
    assert Path("out.csv").read_text() == "old"
    assert len(Path("j.rejects.ndjson").read_text().splitlines()) == 2


async def test_rejects_of_an_earlier_run_do_not_stay(jobs: Jobs) -> None:
    """The file of rejects speaks of the last run."""
    Path("a.csv").write_text("x\n1\n")
    Path("j.rejects.ndjson").write_text("old")
    result = await jobs.run("{name: j, inputs: a.csv, sink: out.csv}")
    assert result.rejects is None
    assert not Path("j.rejects.ndjson").exists()


JOB = "{name: j, inputs: %s, parse: {format: csv, columns: {x: int8}, on_bad_record: fail}, sink: out.csv}"


@pytest.mark.parametrize(
    ("bodies", "inputs", "error", "text"),
    [
        ({"a.csv": b"x\n1\nbad\n"}, "a.csv", InputRefused, r"a\.csv: line 3, byte 4: column 'x': 'bad' is not int8"),
        ({"a.csv.gz": gzip.compress(b"x\n1\n")[:-4]}, "a.csv.gz", CorruptInput, r"a\.csv\.gz: .*byte"),
        ({}, "a.csv", InputMissing, r"a\.csv: no such file"),
        ({}, "'*.csv'", InputMissing, r"\*\.csv: no file matches"),
        ({"a.csv": b"y\n1\n"}, "a.csv", InputRefused, r"a\.csv: .*none of"),
    ],
)
async def test_a_failed_run_leaves_the_old_output(
    jobs: Jobs, bodies: dict[str, bytes], inputs: str, error: type[Exception], text: str
) -> None:
    """Law 5: whatever is wrong with the input is said with its place, and the output is what it was."""
    for name, body in bodies.items():
        Path(name).write_bytes(body)
    Path("out.csv").write_text("old")
    with pytest.raises(error, match=text):
        await jobs.run(JOB % inputs)
    assert Path("out.csv").read_text() == "old"


async def test_an_output_that_cannot_be_written_is_found_before_any_work(jobs: Jobs) -> None:
    """No task is started for a result that has nowhere to go."""
    Path("a.csv").write_text("x\n1\n")
    Path("file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"file/out\.csv"):
        await jobs.run("{name: j, inputs: a.csv, sink: file/out.csv}")
    assert not jobs.outcomes()


async def test_a_file_that_changes_while_it_is_read_is_refused(jobs: Jobs) -> None:
    """Ranges of two versions never meet in one result."""
    Path("a.csv").write_text("x\n1\n")
    jobs.before_run = lambda: Path("a.csv").write_text("x\n1\n2\n")
    with pytest.raises(InputRefused, match=r"a\.csv: changed"):
        await jobs.run("{name: j, inputs: a.csv, sink: out.csv}")
    assert not Path("out.csv").exists()


async def test_local_and_remote_inputs_mix_and_a_server_may_stumble(jobs: Jobs) -> None:
    """Transient errors are tried again in one place; the order is that of the config."""
    Path("a.csv").write_text("x\n1\n")
    async with Server({"/b.csv": b"x\n2\n", "/c.csv": b"x\n3\n"}) as server:
        server.script("/b.csv", Status(503), Cut(1))
        await jobs.run(
            f"{{name: j, inputs: ['{server.url('/{b,c}.csv')}', a.csv], "
            "parse: {columns: {x: int8}}, sink: out.csv}"
        )
        assert sorted(server.paths()) == ["/b.csv", "/b.csv", "/b.csv", "/c.csv"]
    assert Path("out.csv").read_text() == "x\n2\n3\n1\n"


async def test_a_missing_url_can_be_skipped_by_name(jobs: Jobs) -> None:
    """Law 7: what was left out is named."""
    async with Server({"/b.csv": b"x\n2\n"}) as server:
        await jobs.run(
            f"{{name: j, inputs: ['{server.url('/{a,b}.csv')}'], parse: {{columns: {{x: int8}}}}, "
            "fetch: {on_missing: skip}, sink: out.csv}"
        )
        skipped = [event for event in jobs.events if isinstance(event, events.ShardSkipped)]
        assert [event.name for event in skipped] == [server.url("/a.csv")]
    assert Path("out.csv").read_text() == "x\n2\n"


async def test_types_come_from_the_first_shard_that_is_there(jobs: Jobs) -> None:
    """A shard that may be skipped may be the first."""
    async with Server({"/b.csv": b"x\n2\n"}) as server:
        inputs = server.url("/{a,b}.csv")
        await jobs.run(f"{{name: j, inputs: ['{inputs}'], fetch: {{on_missing: skip}}, sink: out.csv}}")
    assert Path("out.csv").read_text() == "x\n2\n"


@pytest.mark.parametrize("inputs", ["'?.csv'", "[a.csv, b.csv], fetch: {on_missing: skip}"])
async def test_what_may_be_lost_may_be_lost_at_any_time(jobs: Jobs, inputs: str) -> None:
    """Globs may lose members, skipped shards may go, also between the listing and the reading."""
    Path("a.csv").write_text("x\n1\n")
    Path("b.csv").write_text("x\n2\n")
    jobs.before_run = Path("b.csv").unlink
    await jobs.run(f"{{name: j, inputs: {inputs}, sink: out.csv}}")
    assert Path("out.csv").read_text() == "x\n1\n"


async def test_expressions_are_checked_before_any_work(jobs: Jobs) -> None:
    """All complaints about expressions at once, each with its line."""
    Path("a.csv").write_text("x\n1\n")
    with pytest.raises(ConfigError) as error:
        await jobs.run("""
            name: j
            inputs: a.csv
            aggregate:
              by: [z]
              metrics:
                a: sum(y)
                b: max(sum(x))
            sink: out.csv
        """)
    assert [complaint.split(" ")[0] for complaint in error.value.complaints] == [
        "job.yaml:5:",
        "job.yaml:7:",
        "job.yaml:8:",
    ]


async def test_a_cancelled_run_leaves_everything_as_it_was(jobs: Jobs) -> None:
    """Cancelled in the middle of a transfer: outputs, folders and workers are in order, and the workers serve on."""
    Path("out.csv").write_text("old")
    gate = Gate(3, asyncio.Event(), asyncio.Event())
    async with Server({"/a.csv": b"x\n1\n2\n"}) as server:
        server.script("/a.csv", gate)
        task = asyncio.create_task(jobs.run(JOB % server.url("/a.csv")))
        await gate.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.opened.set()
        assert Path("out.csv").read_text() == "old"
        await jobs.run(JOB % server.url("/a.csv"))
    assert Path("out.csv").read_text() == "x\n1\n2\n"
