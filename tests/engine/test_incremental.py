"""Runs after the first: only what changed is done, and the result is that of a run that did it all."""

import asyncio
import gzip
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import events
from pipeline.engine.executors import WorkerDied
from pipeline.engine.flow import Result
from pipeline.errors import InputMissing, InputRefused, WorkFailed
from pipeline.journal.history import read_history
from pipeline.testing.jobs import Jobs
from pipeline.testing.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUMS = """
    name: j
    inputs: {inputs}
    parse: {{columns: {{k: string, v: int64}}, max_rejects: 10}}
    aggregate: {{by: k, metrics: {{n: count(), s: sum(v)}}}}
    sink: {sink}
    run: {{chunk: {chunk}}}
"""
ROWS = """
    name: j
    inputs: {inputs}
    parse: {{columns: {{k: string, v: int64}}, max_rejects: 10}}
    sink: {sink}
    run: {{chunk: {chunk}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        write(f"{name}.csv", 6)
    yield
    assert not list(Path(".pipeline").glob("*/run-*"))


def write(path: str, records: int, text: str = "") -> None:
    """A new version of a file, whatever the resolution of the clock of the file system."""
    body = "k,v\n" + "".join(f"{path[0]}{number % 2},{number}\n" for number in range(records)) + text
    Path(path).write_bytes(gzip.compress(body.encode()) if path.endswith("gz") else body.encode())
    later = time.time_ns() + records * 1000
    os.utime(path, ns=(later, later))


async def run(jobs: Jobs, job: str, inputs: str = "'*.csv'", sink: str = "out.csv", chunk: str = "1MiB") -> Result:
    return await jobs.run(job.format(inputs=inputs, sink=sink, chunk=chunk))


def started(jobs: Jobs) -> events.RunStarted:
    return next(event for event in jobs.events if isinstance(event, events.RunStarted))


async def undisturbed(jobs: Jobs, job: str, inputs: str = "'*.csv'") -> str:
    """What a run without a past makes of the inputs as they are now."""
    await run(jobs, job.replace("name: j", "name: other"), inputs, "other.out.csv")
    text = Path("other.out.csv").read_text()
    Path("other.out.csv").unlink()
    return text


@pytest.mark.parametrize("job", [SUMS, ROWS])
@pytest.mark.parametrize(
    ("change", "read"),
    [
        (lambda: None, []),
        (lambda: write("b.csv", 7), ["b.csv"]),
        (lambda: write("d.csv", 3), ["d.csv"]),
        (lambda: Path("a.csv").unlink(), []),
        (lambda: Path("c.csv").rename("0.csv"), ["0.csv"]),
        (lambda: [write(f"{name}.csv", size) for name, size in (("a", 0), ("b", 1))], ["a.csv", "b.csv"]),  # type: ignore[func-returns-value]
    ],
    ids=["nothing", "changed", "new", "gone", "renamed", "two"],
)
async def test_only_what_changed_is_read(jobs: Jobs, job: str, change: Callable[[], object], read: list[str]) -> None:
    """New inputs are added, changed ones replaced, those that are gone taken out; the rest is neither read nor parsed;
    and the output is, byte for byte, that of a run without a past."""
    await run(jobs, job, "'[0-9a-d].csv'")
    change()
    await run(jobs, job, "'[0-9a-d].csv'")
    assert jobs.read() == read
    assert Path("out.csv").read_text() == await undisturbed(jobs, job, "'[0-9a-d].csv'")


@pytest.mark.parametrize("job", [SUMS, ROWS])
async def test_where_nothing_changed_nothing_is_touched(jobs: Jobs, job: str) -> None:
    """No task, no output written: the same file, to the nanosecond."""
    first = await run(jobs, job)
    before = Path("out.csv").stat()
    again = await run(jobs, job)
    assert (started(jobs).shards, started(jobs).same) == (0, 3)
    assert not again.written
    assert (again.records, again.rejected) == (first.records, first.rejected) == (18, 0)
    after = Path("out.csv").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("job", [SUMS, ROWS])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("edited")], ids=["deleted", "edited"])
async def test_an_output_that_is_not_what_it_was_is_written_again(
    jobs: Jobs, job: str, harm: Callable[[Path], object]
) -> None:
    """Without reading an input; one beside it that is right is left alone."""
    await run(jobs, job, sink="[out.csv, right.ndjson]")
    text, right = Path("out.csv").read_text(), Path("right.ndjson").stat().st_mtime_ns
    harm(Path("out.csv"))
    result = await run(jobs, job, sink="[out.csv, right.ndjson]")
    assert not jobs.outcomes()
    assert [written.path for written in result.written] == ["out.csv"]
    assert Path("out.csv").read_text() == text
    assert Path("right.ndjson").stat().st_mtime_ns == right


@pytest.mark.parametrize(
    ("change", "tasks"),
    [
        (("chunk: 1MiB", "chunk: 16"), 0),
        (("run: {", "run: {workers: 1, "), 0),
        (("sink: out.csv", "sink: [out.csv, more.parquet]"), 0),
        (("metrics: {", "having: n > 0, metrics: {"), 0),
        (("by: k", "by: k, order_by: [-s], limit: 2"), 0),
        (("max_rejects: 10", "max_rejects: 11"), 0),
        (("metrics: {", "metrics: {top: max(v), "), 3),
        (("aggregate:", "transform: [{where: v > 1}]\n    aggregate:"), 3),
        (("v: int64", "v: int32"), 3),
    ],
)
async def test_a_change_of_the_config_costs_what_depends_on_it(jobs: Jobs, change: tuple[str, str], tasks: int) -> None:
    """Chunk size, workers, sinks and the end of the aggregation invalidate no finished shard; parse, transform and the
    partials invalidate all; the output is that of the new config."""
    await run(jobs, SUMS)
    config = SUMS.format(inputs="'*.csv'", sink="out.csv", chunk="1MiB").replace("'*.csv'", "'[abc].csv'")
    Path("out.csv").unlink()
    await jobs.run(SUMS.format(inputs="'[abc].csv'", sink="out.csv", chunk="1MiB"))
    await jobs.run(config.replace(*change))
    assert len(jobs.outcomes()) == tasks
    text = Path("out.csv").read_text()
    await jobs.run(config.replace(*change).replace("name: j", "name: other").replace("out.csv", "other.out.csv"))
    assert text == Path("other.out.csv").read_text()


async def test_a_sink_added_later_gets_every_row(jobs: Jobs) -> None:
    """Row-wise: in a form that is there already without reading anything, in another by reading again."""
    await run(jobs, ROWS, "'[abc].csv'")
    await run(jobs, ROWS, "'[abc].csv'", "[out.csv, second.csv]")
    assert not jobs.outcomes()
    assert Path("second.csv").read_text() == Path("out.csv").read_text()
    await run(jobs, ROWS, "'[abc].csv'", "[out.csv, third.ndjson]")
    assert jobs.read() == ["a.csv", "b.csv", "c.csv"]
    assert len(Path("third.ndjson").read_text().splitlines()) == 18


async def test_an_input_that_is_listed_twice_counts_twice_and_is_read_once(jobs: Jobs) -> None:
    """Law 4 counts positions, the work counts files."""
    for job, lines in ((SUMS, 3), (ROWS, 13)):
        await run(jobs, job, "[a.csv, a.csv]")
        assert len(jobs.outcomes()) == 1
        assert len(Path("out.csv").read_text().splitlines()) == lines
        Path("out.csv").unlink()


async def test_an_input_that_is_listed_twice_may_go_twice(jobs: Jobs) -> None:
    """One that was left out has no place in the result, wherever it was listed."""
    jobs.before_run = Path("a.csv").unlink
    await run(jobs, SUMS, "['[ab].csv', 'a*.csv']")
    assert Path("out.csv").read_text() == "k,n,s\nb0,3,6\nb1,3,9\n"


async def test_a_stopped_run_goes_on_where_it_was(jobs: Jobs) -> None:
    """What was journaled is not done again, also with another chunk size, and the result is that of one run."""
    write("big.csv.gz", 1000)
    expected = await undisturbed(jobs, SUMS, "big.csv.gz")

    def fail(event: events.Event) -> None:
        # Far more chunks than can be on their way to the journal: the first is in it.
        if isinstance(event, events.TaskDone) and event.outcome.id.number == 60:
            raise RuntimeError("stopped here")

    jobs.observe = fail
    with pytest.raises(RuntimeError, match="stopped here"):
        await run(jobs, SUMS, "big.csv.gz", chunk="64")
    jobs.observe = lambda _: None
    await run(jobs, SUMS, "big.csv.gz", chunk="1MiB")
    numbers = [event.outcome.id.number for event in jobs.outcomes()]
    assert 0 not in numbers
    assert len(numbers) > 5, "the shard keeps the chunk size that it was begun with"
    assert Path("out.csv").read_text() == expected


async def test_rejects_of_unchanged_inputs_stay_in_their_file(jobs: Jobs) -> None:
    """Law 7 for the result, not for the last run: the file has the rejects of every input, in canonical order."""
    write("a.csv", 3, "x,bad\n")
    write("c.csv", 3, "y,bad\n")
    await run(jobs, SUMS)
    write("b.csv", 3, "z,bad\n")
    result = await run(jobs, SUMS)
    assert jobs.read() == ["b.csv"]
    assert (result.rejected, result.records) == (3, 12)
    lines = Path("j.rejects.ndjson").read_text().splitlines()
    assert [line.split('"shard":"')[1][:5] for line in lines] == ["a.csv", "b.csv", "c.csv"]
    for name in "abc":
        write(f"{name}.csv", 4)
    assert (await run(jobs, SUMS)).rejects is None
    assert not Path("j.rejects.ndjson").exists()


async def test_urls_are_asked_and_not_fetched(jobs: Jobs) -> None:
    """A conditional request each; a new version is fetched, one that is gone is an error, or left out where asked."""
    bodies = {f"/{name}.csv": b"k,v\nx,1\n" for name in "abc"}
    async with Server(bodies) as server:
        for path in bodies:
            server.headers[path] = {"ETag": '"1"'}
        inputs = f"'{server.url('/{a,b,c}.csv')}'"
        await run(jobs, SUMS, inputs)
        assert len(server.paths()) == 3
        await run(jobs, SUMS, inputs)
        assert not jobs.outcomes()
        assert len(server.paths()) == 6
        bodies["/b.csv"] = b"k,v\nx,10\n"
        server.headers["/b.csv"] = {"ETag": '"2"'}
        await run(jobs, SUMS, inputs)
        assert [name[-5:] for name in jobs.read()] == ["b.csv"]
        assert Path("out.csv").read_text() == "k,n,s\nx,3,12\n"


async def test_a_part_that_is_gone_is_made_again(jobs: Jobs) -> None:
    """Somebody has cleaned up below run.state: the shards it was of are read again, no other."""
    for name in "ab":
        write(f"{name}.csv", 3000)
    config = SUMS.replace("by: k", "by: v")
    await run(jobs, config)
    expected = Path("out.csv").read_text()
    part = next(path for path in Path(".pipeline/j/parts").iterdir() if "-0-0-" in path.name)
    part.unlink()
    Path("out.csv").unlink()
    await run(jobs, config)
    assert jobs.read() == ["a.csv"]
    assert Path("out.csv").read_text() == expected


async def test_poison_is_left_out_named_and_not_tried_again(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three deaths; then the chunk is out of the result until somebody asks, and nobody else is blamed."""
    real = jobs.calls.run_task
    tries: list[str] = []

    async def deadly(*args: object) -> object:
        task = args[1]
        if task.shard.name == "b.csv":  # type: ignore[attr-defined]
            tries.append("b.csv")
            raise WorkerDied("killed by signal 11 (SIGSEGV)")
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs.calls, "run_task", deadly)
    config = SUMS.replace("chunk: {chunk}", "chunk: {chunk}, on_poison: skip")
    for expected in (3, 3):
        result = await run(jobs, config)
        assert len(tries) == expected
        assert [(chunk.place, chunk.deaths) for chunk in result.poison] == [("b.csv: chunk 0", 3)]
        assert [event.place for event in jobs.events if isinstance(event, events.ChunkLeftOut)] == ["b.csv: chunk 0"]
        assert "b0" not in Path("out.csv").read_text()
    with pytest.raises(WorkFailed, match=r"b\.csv: chunk 0 ended its worker 3 times"):
        await run(jobs, SUMS.replace("int64", "int32"))
    monkeypatch.undo()


async def test_that_no_input_has_a_column_is_not_said_of_chunks_left_out(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that nobody could read may have it."""
    real = jobs.calls.run_task

    async def deadly(*args: object) -> object:
        if args[1].shard.name == "b.csv":  # type: ignore[attr-defined]
            raise WorkerDied("killed by signal 11 (SIGSEGV)")
        return await real(*args)  # type: ignore[arg-type]

    config = (
        "{name: j, inputs: '[ab].csv', parse: {columns: {k: string, z: int8}}, run: {on_poison: skip}, sink: z.csv}"
    )
    await jobs.run(config)
    assert len(jobs.notices()) == 1
    monkeypatch.setattr(jobs.calls, "run_task", deadly)
    await jobs.run(config.replace("name: j", "name: k"))
    assert (jobs.read(), jobs.notices()) == (["a.csv"], [])
    monkeypatch.undo()


async def test_a_file_that_changed_while_it_was_read_is_read_anew(jobs: Jobs) -> None:
    """What was made of the mixture is worth nothing to the next run."""
    jobs.before_run = lambda: write("b.csv", 9)
    with pytest.raises(InputRefused, match=r"b\.csv: changed"):
        await run(jobs, SUMS)
    jobs.before_run = lambda: None
    await run(jobs, SUMS)
    assert "b.csv" in jobs.read()
    assert Path("out.csv").read_text() == await undisturbed(jobs, SUMS, "'[abc].csv'")


async def test_the_first_signal_lets_the_chunks_at_work_end(jobs: Jobs) -> None:
    """No new work is begun; what was with the workers is journaled, and the next run goes on from there."""
    write("big.csv.gz", 2000)
    stopped: list[int] = []

    def stop_at_the_third(event: events.Event) -> None:
        if isinstance(event, events.TaskDone) and not stopped and event.outcome.id.number >= 2:
            stopped.append(event.outcome.id.number)
            task = asyncio.current_task()
            assert task is not None
            jobs.stop.receive(signal.SIGINT, task)

    jobs.observe = stop_at_the_third
    with pytest.raises(Exception, match=r"the same command goes on"):
        await run(jobs, SUMS, "big.csv.gz", chunk="64")
    done = {event.outcome.id.number for event in jobs.outcomes()}
    jobs.observe = lambda _: None
    await run(jobs, SUMS, "big.csv.gz", chunk="64")
    again = {event.outcome.id.number for event in jobs.outcomes()}
    assert not done & again
    assert Path("out.csv").read_text() == await undisturbed(jobs, SUMS, "big.csv.gz")


async def test_content_may_be_what_tells_a_change(jobs: Jobs) -> None:
    """`fetch.changes: content`: a file that was only touched is not read again, one with other bytes is."""
    config = SUMS.replace("sink:", "fetch: {{changes: content}}\n    sink:")
    await run(jobs, config)
    os.utime("a.csv")
    Path("c.csv").write_text(Path("c.csv").read_text().replace("c1,5", "c1,6"))
    await run(jobs, config)
    assert jobs.read() == ["c.csv"]
    assert Path("out.csv").read_text() == await undisturbed(jobs, SUMS, "'[abc].csv'")


async def test_a_date_that_goes_back_is_a_change(jobs: Jobs) -> None:
    """A server says "not modified since" of a file that was replaced by an older one."""
    bodies = {"/a.csv": b"k,v\nx,1\n"}
    async with Server(bodies) as server:
        server.headers["/a.csv"] = {"Last-Modified": "Tue, 24 Nov 2020 10:00:00 GMT"}
        await run(jobs, SUMS, server.url("/a.csv"))
        bodies["/a.csv"] = b"k,v\ny,1\n"
        server.headers["/a.csv"] = {"Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT"}
        await run(jobs, SUMS, server.url("/a.csv"))
    assert Path("out.csv").read_text() == "k,n,s\ny,1,1\n"


async def test_other_headers_are_another_input(jobs: Jobs) -> None:
    """They may choose what a server gives; credentials only say who asks."""
    job = SUMS.replace("sink:", "fetch: {{headers: {{X-Tenant: {tenant}, Authorization: {token}}}}}\n    sink:")
    async with Server({"/a.csv": b"k,v\nx,1\n"}) as server:
        server.headers["/a.csv"] = {"ETag": '"1"'}
        for tenant, token, read in (("a", "t1", 1), ("a", "t2", 0), ("b", "t2", 1)):
            await jobs.run(
                job.format(inputs=f"'{server.url('/a.csv')}'", sink="out.csv", chunk="1MiB", tenant=tenant, token=token)
            )
            assert len(jobs.outcomes()) == read


async def test_an_input_that_is_skipped_every_night_renews_nothing(jobs: Jobs) -> None:
    """What was left out is named each time, and the output is not touched; with nothing left there is no result."""
    job = SUMS.replace("sink:", "fetch: {{on_missing: skip}}\n    sink:")
    async with Server({}) as server:
        inputs = f"[a.csv, '{server.url('/gone.csv')}', gone.csv]"
        await run(jobs, job, inputs)
        before = Path("out.csv").stat()
        await run(jobs, job, inputs)
        assert Path("out.csv").stat().st_mtime_ns == before.st_mtime_ns
        skipped = [event.name for event in jobs.events if isinstance(event, events.ShardSkipped)]
        assert sorted(skipped) == ["gone.csv", server.url("/gone.csv")]
        history = read_history(".pipeline/j/journal.sqlite")
        assert sorted(name for name, _ in history.left_out) == sorted(skipped)
        for inputs in (f"['{server.url('/gone.csv')}']", f"['{server.url('/gone.csv')}', gone.csv]"):
            with pytest.raises(InputMissing):
                await run(jobs, job, inputs)
        assert Path("out.csv").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("sink", ["[out.csv, later.ndjson]", "out.csv"])
async def test_rejects_of_work_that_is_done_again_count_once(jobs: Jobs, sink: str) -> None:
    """`max_rejects` as a count: what a later sink, or a run with everything forgotten, does again is no second one."""
    job = ROWS.replace("max_rejects: 10", "max_rejects: 3")
    for name in "abc":
        write(f"{name}.csv", 3, "x,bad\n")
    await run(jobs, job, "'[abc].csv'")
    result = await run(jobs, job, "'[abc].csv'", sink)
    assert (result.rejected, result.records) == (3, 12)


async def test_types_of_a_run_that_was_refused_bind_nobody(jobs: Jobs) -> None:
    """A first night with a wrong file must not decide what the columns are."""
    job = SUMS.replace("columns: {{k: string, v: int64}}, ", "").replace("by: k", "by: k")
    Path("a.csv").write_text("k,v\n1,1\n")
    Path("b.csv").write_text("k,v\nx,1\ny,1\n")
    job = job.replace("max_rejects: 10", "max_rejects: 1")
    with pytest.raises(InputRefused):
        await run(jobs, job, "[a.csv, b.csv]")
    Path("a.csv").write_text("k,v\nz,1\n")
    await run(jobs, job, "[a.csv, b.csv]")
    assert Path("out.csv").read_text() == "k,n,s\nx,1,1\ny,1,1\nz,1,1\n"


async def test_rejects_of_a_refused_run_go_with_their_input(jobs: Jobs) -> None:
    """The file speaks of the result; where that has none, there is none."""
    job = ROWS.replace("max_rejects: 10", "max_rejects: 0")
    await run(jobs, job, "'[abc].csv'")
    write("c.csv", 3, "x,bad\n")
    with pytest.raises(InputRefused):
        await run(jobs, job, "'[abc].csv'")
    assert Path("j.rejects.ndjson").exists()
    Path("c.csv").unlink()
    await run(jobs, job, "'[abc].csv'")
    assert not Path("j.rejects.ndjson").exists()


async def test_an_archive_without_its_name_may_be_told_by_its_content(jobs: Jobs) -> None:
    """`fetch.changes: content` for a zip file that is only found to be one when it is opened."""
    with zipfile.ZipFile("arch.dat", "w") as archive:
        archive.writestr("x.csv", "k,v\nx,1\n")
        archive.writestr("y.csv", "k,v\ny,1\n")
    config = SUMS.replace("sink:", "fetch: {{changes: content}}\n    sink:").replace(
        "parse: {{", "parse: {{format: csv, "
    )
    for tasks in (2, 0):
        await run(jobs, config, "arch.dat")
        assert len(jobs.outcomes()) == tasks
    assert Path("out.csv").read_text() == "k,n,s\nx,1,1\ny,1,1\n"


async def test_a_link_to_another_folder_is_a_change(jobs: Jobs) -> None:
    """Files of equal size and times, written in the same tick, are still two files."""
    for folder, value in (("v1", 1), ("v2", 2)):
        Path(folder).mkdir()
        Path(folder, "a.csv").write_text(f"k,v\nx,{value}\n")
    Path("cur").symlink_to("v1")
    await run(jobs, SUMS, "'cur/*.csv'")
    Path("cur").unlink()
    Path("cur").symlink_to("v2")
    await run(jobs, SUMS, "'cur/*.csv'")
    assert Path("out.csv").read_text() == "k,n,s\nx,1,2\n"
