"""The report: what it adds up, and what it says was busy."""

import orjson
import pytest

from pipeline import events
from pipeline.console.summary import summary
from pipeline.console.totals import START, left_s, load, rate
from pipeline.testing.observed import ObservedRun


def test_amounts_add_up_over_outcomes(run: ObservedRun) -> None:
    """Records in are records used plus rejected (law 7), and every amount is the sum over all outcomes."""
    run.report(events.RunStarted("flights", 2, 3, 3000))
    for shard in range(3):
        run.report(events.TaskDone(run.outcome(shard, rejected=shard)))
    totals = run.report.totals()
    assert (totals.chunks, totals.records, totals.rejected, totals.rows) == (3, 300, 3, 270)
    assert (totals.bytes_in, totals.bytes_decoded) == (3000, 6000)


def test_bytes_are_counted_once_whoever_reads_them(run: ObservedRun) -> None:
    """Stored bytes are those that the parent fetched and those that workers read themselves."""
    run.report(events.BytesFetched((0,), 500, remote=True))
    run.report(events.BytesFetched((1,), 200, remote=False))
    run.report(events.TaskDone(run.outcome()))
    totals = run.report.totals()
    assert (totals.bytes_remote, totals.bytes_fetched, totals.bytes_in) == (500, 700, 1700)


def test_start_up_lasts_until_the_first_task_was_at_work(run: ObservedRun) -> None:
    """A task that took two seconds and ended after five began after three."""
    run.at(4)
    assert run.report.totals().starting_s == pytest.approx(4)
    run.at(5)
    run.report(events.TaskDone(run.outcome(wall_s=2)))
    run.at(9)
    assert run.report.totals().starting_s == pytest.approx(3)


def test_open_shards_are_counted_in_time_once_however_many_there_are(run: ObservedRun) -> None:
    """Two shards open for two seconds together are two seconds of fetching, and four of waiting capacity."""
    run.report(events.ShardOpened((0,), "a"))
    run.report(events.ShardOpened((1,), "b"))
    run.at(2)
    run.report(events.ShardFetched((0,), "a", 1))
    run.report(events.ShardFetched((1,), "b", 1))
    run.at(10)
    totals = run.report.totals()
    assert (totals.fetch_s, totals.open_s, totals.shards_open) == pytest.approx((2, 4, 0))


def test_a_shard_that_is_skipped_is_no_longer_open(run: ObservedRun) -> None:
    """A skipped shard is named with its reason, and its time ends with it."""
    run.report(events.ShardOpened((0,), "a"))
    run.at(1)
    run.report(events.ShardSkipped("a", "gone"))
    run.at(5)
    totals = run.report.totals()
    assert (totals.shards_open, totals.shards_skipped, totals.fetch_s) == pytest.approx((0, 1, 1))
    assert run.report.skipped == (events.ShardSkipped("a", "gone"),)


def test_fetching_that_was_held_back_is_not_busy(run: ObservedRun) -> None:
    """A shard open for ten seconds, of which it stood still for eight, kept the network busy for two."""
    run.report(events.ShardOpened((0,), "a"))
    run.report(events.BytesFetched((0,), 1, remote=True))
    run.report(events.FetchWaited(8))
    run.at(10)
    busy = load(START, run.report.totals())
    assert (busy.network, busy.held) == pytest.approx((0.2, 0.8))


def test_writes_that_overlap_keep_the_disk_busy_once(run: ObservedRun) -> None:
    """Four writes in the same second are one second of the disk, not four."""
    run.at(5)
    for _ in range(4):
        run.report(events.SinkWrote(10, 100, 1.0))
    run.at(10)
    totals = run.report.totals()
    assert (totals.sink_s, totals.rows_stored, totals.bytes_stored) == pytest.approx((1, 40, 400))
    assert load(START, totals).disk == pytest.approx(0.1)


def test_a_long_task_is_not_an_idle_core(run: ObservedRun) -> None:
    """While a task runs, what it has used so far is guessed from those before it."""
    run.report(events.RunStarted("slow", 1, 1, None))
    run.report(events.TaskDone(run.outcome(number=0, wall_s=1, cpu_s=0.5)))
    run.report(events.TaskStarted(run.task(number=1), 1))
    run.at(10)
    assert run.report.totals().cpu_s == pytest.approx(0.5 + 10 * 0.5)
    run.report(events.TaskDone(run.outcome(number=1, wall_s=10, cpu_s=9)))
    assert run.report.totals().cpu_s == pytest.approx(9.5)


def test_a_task_without_a_worker_uses_no_core(run: ObservedRun) -> None:
    """Of more tasks than workers, those that were started last still wait."""
    run.report(events.RunStarted("slow", 1, 2, None))
    run.report(events.TaskStarted(run.task(0), 1))
    run.at(4)
    run.report(events.TaskStarted(run.task(1), 1))
    run.at(10)
    assert run.report.totals().cpu_s == pytest.approx(10)


def test_a_task_whose_worker_died_no_longer_runs(run: ObservedRun) -> None:
    """Deaths are counted, and the dead task's time ends."""
    run.report(events.TaskStarted(run.task(), 1))
    run.report(events.WorkerDied(run.task(), 1, "killed by signal 9"))
    totals = run.report.totals()
    assert (totals.tasks_running, totals.deaths) == (0, 1)


def test_finishing_begins_with_combining_or_with_the_last_chunk(run: ObservedRun) -> None:
    """An aggregation finishes from CombineStarted on, a row-wise job from its last chunk on."""
    run.at(2)
    run.report(events.TaskDone(run.outcome()))
    run.at(3)
    run.report(events.OutputCommitted("out/a.csv", 90, 900))
    assert run.report.totals().finishing_s == pytest.approx(1)
    run.report(events.CombineStarted(1))
    run.at(7)
    assert run.report.totals().finishing_s == pytest.approx(4)


def test_shares_of_a_window_are_those_of_the_window(run: ObservedRun) -> None:
    """What was busy in the first half does not show in the second."""
    run.report(events.RunStarted("flights", 2, 1, None))
    run.at(4)
    run.report(events.TaskDone(run.outcome(wall_s=4, cpu_s=4)))
    then = run.report.totals()
    run.at(8)
    now = run.report.totals()
    assert load(START, then).cores == pytest.approx(0.5)
    assert load(then, now).cores == 0
    assert load(START, now).cores == pytest.approx(0.25)


def test_a_rate_is_an_amount_over_a_time(run: ObservedRun) -> None:
    """Records per second between two moments."""
    then = run.report.totals()
    run.at(2)
    run.report(events.TaskDone(run.outcome()))
    now = run.report.totals()
    assert rate(then, now, now.records, then.records) == pytest.approx(50)


def test_the_time_left_follows_the_bytes_where_all_sizes_are_known(run: ObservedRun) -> None:
    """Half of the bytes in ten seconds leave ten seconds."""
    run.report(events.RunStarted("flights", 2, 2, 2000))
    assert left_s(START, run.report.totals()) is None
    run.at(10)
    run.report(events.TaskDone(run.outcome()))
    assert left_s(START, run.report.totals()) == pytest.approx(10)


def test_the_time_left_follows_the_tasks_where_sizes_are_not_known(run: ObservedRun) -> None:
    """One of four shards gave two tasks, so there will be eight; two in ten seconds leave thirty."""
    run.report(events.RunStarted("flights", 2, 4, None))
    assert left_s(START, run.report.totals()) is None
    run.report(events.ShardFetched((0,), "a", 2))
    run.at(10)
    run.report(events.TaskDone(run.outcome(number=0)))
    run.report(events.TaskDone(run.outcome(number=1)))
    assert left_s(START, run.report.totals()) == pytest.approx(30)


SUMMARY_KEYS = [
    "job",
    "exit_code",
    "error",
    "wall_s",
    "starting_s",
    "finishing_s",
    "workers",
    "machine_cores",
    "shards",
    "shards_same",
    "shards_fetched",
    "shards_skipped",
    "skipped",
    "chunks_left_out",
    "notices",
    "chunks",
    "records",
    "rejected",
    "rejects",
    "rows_used",
    "bytes_planned",
    "bytes_read",
    "bytes_over_network",
    "bytes_decoded",
    "outputs",
    "retries",
    "worker_deaths",
    "worker_wall_s",
    "worker_cpu_s",
    "worker_idle_s",
    "fetch_s",
    "fetch_waited_s",
    "sink_s",
    "busy",
    "limit",
]


def test_the_summary_is_json_with_the_promised_keys(run: ObservedRun) -> None:
    """`--summary` is read by programs: its keys are a contract, and every value is plain."""
    run.report(events.RunStarted("flights", 2, 1, 1000))
    run.report(events.ShardSkipped("b.csv", "gone"))
    run.report(events.RetryScheduled("a.csv", 1, 0.5, "reset"))
    run.at(2)
    run.report(events.TaskDone(run.outcome()))
    run.report(events.OutputCommitted("out/a.csv", 90, 900))
    document = orjson.loads(orjson.dumps(summary(run.report, exit_code=3, rejects="out/a.rejects.ndjson")))
    assert list(document) == SUMMARY_KEYS
    assert document["outputs"] == [{"path": "out/a.csv", "rows": 90, "bytes": 900}]
    assert document["skipped"] == [{"name": "b.csv", "reason": "gone"}]
    assert document["busy"].keys() == {"network", "source", "cores", "disk"}
    assert document["limit"].keys() == {"name", "why", "advice"}
    assert (document["exit_code"], document["retries"], document["rejects"]) == (3, 1, "out/a.rejects.ndjson")


def test_the_summary_of_a_run_that_never_began_is_whole(run: ObservedRun) -> None:
    """A run that failed before its plan still says so in a document with every key."""
    document = summary(run.report, exit_code=66, error="no input found")
    assert list(document) == SUMMARY_KEYS
    assert (document["exit_code"], document["error"], document["chunks"]) == (66, "no input found", 0)
