"""Which outputs a run renews: those that are not what they should be."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.engine.plan import Plan
from pipeline.engine.showing import Showing, foreseen
from pipeline.engine.work import work_of
from pipeline.journal import Died, Done, Ended, Journal
from pipeline.model import ChunkId, Job, SinkSpec
from pipeline.protocols import FileStamp, Written
from pipeline.testing.nouns import aggregating_job, outcome_of, shard_of
from pipeline.testing.plans import plan_of


def stamp_of(path: Path) -> FileStamp:
    stat = path.stat()
    return FileStamp(stat.st_size, stat.st_mtime_ns, stat.st_ino)


class Bench:
    """A finished job with two outputs and rejects, all shown."""

    def __init__(self, folder: Path) -> None:
        (folder / "parts").mkdir()
        self.folder = folder
        self.journal = Journal(str(folder / "journal.sqlite"))
        self.csv, self.json = SinkSpec(str(folder / "a.csv"), "csv"), SinkSpec(str(folder / "a.json"), "json")
        self.job = aggregating_job(self.csv, self.json)
        self.rejects = folder / "rejects.ndjson"
        (entry,) = work_of(self.plan(self.job), self.journal).entries.values()
        self.id = entry.id
        self.journal.apply([Done(entry.id, "", outcome_of((0,), 0, rejected=1, rejects="r")), Ended(entry.id, 1)])
        for path in (self.csv.path, self.json.path, self.rejects):
            Path(path).write_text("shown")
        self.show(self.csv.path, self.json.path)

    def show(self, *paths: str, job: Job | None = None) -> None:
        """A run ends that has written these outputs, and the rejects where there are any."""
        written = [Written(path, 1, 5, stamp_of(Path(path))) for path in paths]
        rejects = stamp_of(self.rejects) if self.rejects.exists() else None
        self.journal.shown(self.showing(job).outputs(self.journal, written, rejects))

    def plan(self, job: Job) -> Plan:
        return plan_of(job, [shard_of(0)], self.journal, str(self.rejects))

    def showing(self, job: Job | None = None) -> Showing:
        plan = self.plan(job or self.job)
        return Showing.of(plan, self.journal, work_left=bool(work_of(plan, self.journal).shards))

    def renewed(self, job: Job | None = None) -> list[str]:
        return [Path(sink.path).name for sink in self.showing(job).sinks]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def test_a_finished_job_shows_nothing_again(bench: Bench) -> None:
    """Nothing changed: the outputs are not touched."""
    showing = bench.showing()
    assert (showing.sinks, showing.complete) == ((), True)


def rewrite(path: Path) -> None:
    path.write_text("edited by hand")


def swap(path: Path) -> None:
    """Same size, same time, another file."""
    stat = path.stat()
    other = path.with_name("other")
    other.write_text("other")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [Path.unlink, rewrite, swap, Path.touch])
def test_an_output_that_was_deleted_or_edited_is_written_again(bench: Bench, change: Callable[[Path], None]) -> None:
    """It and no other."""
    change(Path(bench.json.path))
    assert bench.renewed() == ["a.json"]
    assert not bench.showing().complete


def test_lost_rejects_make_a_run_incomplete(bench: Bench) -> None:
    """No sink is written for it, but the file of rejects is."""
    bench.rejects.unlink()
    showing = bench.showing()
    assert (showing.sinks, showing.complete) == ((), False)


def test_without_rejects_no_file_of_them_is_missed(tmp_path: Path) -> None:
    """A clean job is complete without one."""
    bench = Bench(tmp_path)
    bench.journal.apply([Died(bench.id, "", ChunkId((0,), 0), 3, True, "killed", "a")])
    bench.rejects.unlink()
    bench.show(bench.csv.path, bench.json.path)
    assert bench.showing().complete
    bench.rejects.write_text("of a run that was refused")
    assert not bench.showing().complete
    bench.journal.close()


def test_a_sink_that_was_added_gets_the_whole_result(bench: Bench) -> None:
    """The others stay as they are."""
    added = SinkSpec(str(bench.folder / "b.csv"), "csv")
    assert bench.renewed(replace(bench.job, sinks=(*bench.job.sinks, added))) == ["b.csv"]


def test_another_end_of_the_aggregation_renews_every_output(bench: Bench) -> None:
    """No chunk is done again for it."""
    assert bench.job.aggregate
    assert bench.renewed(replace(bench.job, aggregate=replace(bench.job.aggregate, limit=3))) == ["a.csv", "a.json"]


def test_a_chunk_given_up_is_another_result(bench: Bench) -> None:
    """What is left out is a part of what an output says."""
    bench.journal.apply([Died(bench.id, "", ChunkId((0,), 0), 3, True, "killed", "a: chunk 0")])
    assert bench.renewed() == ["a.csv", "a.json"]


def test_standard_output_and_devices_keep_nothing(bench: Bench) -> None:
    """Whoever reads them wants the result, every time."""
    pipe = bench.folder / "pipe"
    os.mkfifo(pipe)
    sinks = (SinkSpec("-", "csv"), SinkSpec(str(pipe), "csv"))
    bench.show(job=replace(bench.job, sinks=sinks))
    assert bench.renewed(replace(bench.job, sinks=sinks)) == ["-", "pipe"]


def test_work_renews_everything(bench: Bench) -> None:
    """A changed input changes every output."""
    plan = plan_of(bench.job, [shard_of(0, version="v2")], bench.journal, str(bench.rejects))
    showing = Showing.of(plan, bench.journal, work_left=bool(work_of(plan, bench.journal).shards))
    assert (showing.sinks, showing.complete) == (bench.job.sinks, False)


def test_an_output_is_remembered_as_it_was_written(bench: Bench) -> None:
    """Somebody edits one that this run leaves alone, and one the moment it is shown: the next run sees both."""
    written = [Written(bench.csv.path, 1, 5, stamp_of(Path(bench.csv.path)))]
    rewrite(Path(bench.csv.path))
    rewrite(Path(bench.json.path))
    bench.journal.shown(bench.showing().outputs(bench.journal, written, stamp_of(bench.rejects)))
    assert bench.renewed() == ["a.csv", "a.json"]


def test_rejects_that_have_moved_leave_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    """Another first sink, another folder: the old file is about nothing, unless somebody has made it his."""
    old, bench.rejects = bench.rejects, tmp_path / "elsewhere" / bench.rejects.name
    edited = old.read_text()
    bench.showing().remove_moved_rejects(bench.journal)
    assert not old.exists()
    old.write_text(edited)
    bench.showing().remove_moved_rejects(bench.journal)
    assert old.exists()


def test_what_a_run_will_renew_is_foreseen(bench: Bench) -> None:
    """`plan` says of each output, and of the rejects, what `Showing.of` will see; also where it is in another form."""
    assert [how for _, how in foreseen(bench.plan(bench.job), bench.journal)] == ["right", "right"]
    bench.rejects.unlink()
    assert [how for _, how in foreseen(bench.plan(bench.job), bench.journal)] == ["right", "right", "missing"]
    job = replace(bench.job, sinks=(replace(bench.csv, compression="gzip"), SinkSpec("new.csv", "csv")))
    assert [how for _, how in foreseen(bench.plan(job), bench.journal)] == ["old", "new"]
    assert [how for _, how in foreseen(bench.plan(bench.job), None)] == ["new", "new"]
