"""Whole runs with real workers, files and sockets: the laws from end to end."""

import asyncio
import bz2
import gzip
import json
import lzma
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import events
from pipeline.errors import ConfigError, CorruptInput, InputMissing, InputRefused, OutputError
from pipeline.testing.jobs import Jobs
from pipeline.testing.server import Cut, Gate, Server, Status

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLIGHTS = Path(__file__).parents[2] / "data" / "flights"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Paths of a config are relative to the working directory; a run leaves its outputs and its state in it."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(Path(".pipeline").glob("*/run-*"))
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


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
    with pytest.raises(InputRefused, match=r"2 records were rejected, parse.max_rejects allows 1\n"):
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


@pytest.mark.parametrize("first", ["", "x,y\n", "x,y\r\n\r\n"])
async def test_types_come_from_the_first_shard_with_a_record(jobs: Jobs, first: str) -> None:
    """An empty file, or one of a header, tells no types: the next one does. In an archive, too."""
    Path("a.csv").write_text(first)
    Path("b.csv").write_text("x,y\n1,2.5\n")
    await jobs.run("{name: j, inputs: [a.csv, b.csv], transform: [{derive: {z: x + y}}], sink: out.csv}")
    assert Path("out.csv").read_text() == "x,y,z\n1,2.5,3.5\n"
    with zipfile.ZipFile("c.zip", "w") as archive:
        archive.write("a.csv")
        archive.write("b.csv")
    await jobs.run("{name: j, inputs: c.zip, parse: {format: csv}, transform: [{derive: {z: x + y}}], sink: out.csv}")
    assert Path("out.csv").read_text() == "x,y,z\n1,2.5,3.5\n"


async def test_without_a_record_columns_are_those_of_a_header_as_text(jobs: Jobs) -> None:
    """A quiet night gives an empty table; nothing at all gives a message that says what helps."""
    Path("a.csv").touch()
    Path("b.csv").write_text("x,y\n")
    await jobs.run("{name: j, inputs: [a.csv, b.csv], sink: out.csv}")
    assert Path("out.csv").read_text() == "x,y\n"
    with pytest.raises(InputRefused, match=r"a\.csv: is empty") as error:
        await jobs.run("{name: j, inputs: a.csv, sink: out.csv}")
    assert "parse.columns names them" in str(error.value)


async def test_messages_tell_inferred_columns_from_configured_ones(jobs: Jobs) -> None:
    """Nobody has configured what the first file has given."""
    Path("a.csv").write_text("x\n1\n")
    Path("b.csv").write_text("y\n1\n")
    with pytest.raises(InputRefused, match=r"b\.csv: the header has none of the columns of the first input") as error:
        await jobs.run("{name: j, inputs: [a.csv, b.csv], sink: out.csv}")
    assert "configured" not in str(error.value)


async def test_a_parquet_file_at_fault_goes_by_its_url(jobs: Jobs) -> None:
    """Not by the name of the copy that the run has made of it."""
    pl.DataFrame({"x": [[1]]}).write_parquet("a.parquet")
    async with Server({"/a.parquet": Path("a.parquet").read_bytes()}) as server:
        url = server.url("/a.parquet")
        for columns in ("", "parse: {columns: {x: int8}}, ", "parse: {columns: {y: int8}}, "):
            with pytest.raises(InputRefused) as error:
                await jobs.run(f"{{name: j, inputs: '{url}', {columns}sink: out.csv}}")
            assert error.value.message.startswith(f"{url}: ")
            assert ".pipeline" not in str(error.value)


def store(frame: pl.DataFrame, path: str) -> None:
    """In the format of the path's name."""
    if path.endswith("csv"):
        frame.write_csv(path)
    elif path.endswith("parquet"):
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)


@pytest.mark.parametrize("kind", ["csv", "parquet", "ndjson"])
async def test_a_column_that_no_input_has_is_noticed(jobs: Jobs, kind: str) -> None:
    """A misspelling in `columns` is null in every record; one that some file has is no news."""
    one, two = pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [2], "z": [3]})
    store(one, f"a.{kind}")
    store(two, f"b.{kind}")
    columns = "{x: int8, zz: int8, z: int8}"
    await jobs.run(f"{{name: j, inputs: [a.{kind}, b.{kind}], parse: {{columns: {columns}}}, sink: out.csv}}")
    assert jobs.notices() == ["parse.columns: no input has a value of 'zz': null in every record"]
    await jobs.run(f"{{name: j, inputs: [a.{kind}, b.{kind}], parse: {{columns: {{x: int8}}}}, sink: out.csv}}")
    assert jobs.notices() == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_a_column_that_inferring_did_not_see_is_noticed(jobs: Jobs, kind: str) -> None:
    """Only later files have it, and nobody has chosen to leave it out."""
    store(pl.DataFrame({"x": [1]}), f"a.{kind}")
    store(pl.DataFrame({"x": [2], "z": [3]}), f"b.{kind}")
    await jobs.run(f"{{name: j, inputs: [a.{kind}, b.{kind}], sink: out.csv}}")
    [notice] = jobs.notices()
    assert notice.startswith(f"b.{kind}: 'z' left out: ")
    assert Path("out.csv").read_text() == "x\n1\n2\n"


async def test_columns_are_no_news_to_a_run_that_reads_only_some_inputs(jobs: Jobs) -> None:
    """What tonight's file lacks, those of the nights before may have. Their columns stay inferred ones."""
    config = "{name: j, inputs: '?.csv', parse: {columns: {x: int8, y: int8}}, sink: out.csv}"
    Path("a.csv").write_text("x,y\n1,1\n")
    await jobs.run(config)
    Path("b.csv").write_text("x\n2\n")
    await jobs.run(config)
    assert (jobs.read(), jobs.notices()) == (["b.csv"], [])
    config = "{name: k, inputs: '?.csv', sink: out.csv}"
    await jobs.run(config)
    Path("c.csv").write_text("x,y,z\n1,1,1\n")
    await jobs.run(config)
    assert jobs.read() == ["c.csv"]
    [notice] = jobs.notices()
    assert notice.startswith("c.csv: 'z' left out: ")


async def test_columns_are_no_news_to_a_run_that_goes_on_from_another(jobs: Jobs) -> None:
    """The chunks that were done before it was stopped may have what the others lack."""
    Path("a.ndjson.gz").write_bytes(gzip.compress(b'{"x": 1, "y": 1}\n' + b'{"x": 1}\n' * 2000))
    config = "{name: j, inputs: a.ndjson.gz, parse: {columns: {x: int8, y: int8}}, run: {chunk: 64}, sink: out.csv}"

    def fail(event: events.Event) -> None:
        # Far more chunks than can be on their way to the journal: the first is in it.
        if isinstance(event, events.TaskDone) and event.outcome.id.number == 60:
            raise RuntimeError("stopped here")

    jobs.observe = fail
    with pytest.raises(RuntimeError, match="stopped here"):
        await jobs.run(config)
    jobs.observe = lambda _: None
    await jobs.run(config)
    assert (min(event.outcome.id.number for event in jobs.outcomes()) > 0, jobs.notices()) == (True, [])


async def test_types_of_a_quiet_night_are_not_kept(jobs: Jobs) -> None:
    """A header tells names, no types: they come from the first night with a record."""
    config = "{name: j, inputs: '?.csv', sink: out.ndjson}"
    Path("a.csv").write_text("x\n")
    await jobs.run(config)
    Path("b.csv").write_text("x\n1\n")
    await jobs.run(config)
    assert Path("out.ndjson").read_text() == '{"x":1}\n'


async def test_columns_that_were_inferred_may_be_written_down(jobs: Jobs) -> None:
    """Nothing is read again for it."""
    Path("a.csv").write_text("x\n1\n")
    await jobs.run("{name: j, inputs: a.csv, sink: out.csv}")
    await jobs.run("{name: j, inputs: a.csv, parse: {columns: {x: int64}}, sink: out.csv}")
    assert jobs.read() == []


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


@pytest.mark.parametrize(("columns", "told"), [("", True), ("columns: {x: int64}, ", False)])
async def test_rejects_of_inferred_types_say_so(jobs: Jobs, columns: str, *, told: bool) -> None:
    """Who gave no types learns that there are some, and where to set them."""
    Path("a.csv").write_text("x\n" + "1\n" * 1_000_000 + "one\n")  # past what types are inferred from
    with pytest.raises(InputRefused) as refused:
        await jobs.run(f"{{name: j, inputs: a.csv, parse: {{{columns}max_rejects: 0}}, sink: out.csv}}")
    assert ("Types were inferred; parse.columns sets them." in refused.value.hint) is told
