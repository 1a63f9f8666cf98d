"""Which change of a config makes which work worthless: as a table over whole configs."""

from collections.abc import Sequence

import pytest

from pipeline.config import job_of
from pipeline.config.load import parse
from pipeline.engine.recipe import columns_key, encodings_of, identity_of, job_key, recipe_of, result_of
from pipeline.model import Job
from pipeline.testing.nouns import CSV, NDJSON, aggregating_job, rowwise_job, shard_of

CONFIG = """
name: flights
inputs: ["in/*.csv"]
parse: {{format: csv, columns: {columns}, delimiter: "{delimiter}", on_bad_record: {bad}}}
transform: [{{where: "{where}"}}]
aggregate: {{by: [a], metrics: {{n: {metric}}}, having: "{having}", order_by: [{order}], limit: {limit}}}
sink: {{path: {path}}}
run: {{chunk: {chunk}, workers: {workers}, memory: {memory}}}
"""

BASE = {
    "columns": "{a: int64, b: int64}",
    "delimiter": ",",
    "bad": "reject",
    "where": "a > 1",
    "metric": "count()",
    "having": "n > 1",
    "order": "a",
    "limit": "10",
    "path": "out/result.csv",
    "chunk": "1MB",
    "workers": "1",
    "memory": "512MB",
}


def job(**changes: str) -> Job:
    return job_of(parse(CONFIG.format(**{**BASE, **changes}), "job.yaml", environ={}))


@pytest.mark.parametrize(
    ("changes", "worthless"),
    [
        ({"columns": "{a: int64, b: float64}"}, "work"),
        ({"delimiter": ";"}, "work"),
        ({"bad": "fail"}, "work"),
        ({"where": "a > 2"}, "work"),
        ({"metric": "sum(b)"}, "work"),
        ({"having": "n > 2"}, "result"),
        ({"order": "-a"}, "result"),
        ({"limit": "11"}, "result"),
        ({"path": "out/result.parquet"}, "result"),
        ({"path": "out/other.csv"}, "nothing"),
        ({"chunk": "2MB"}, "nothing"),
        ({"workers": "2"}, "nothing"),
        ({"memory": "1GB"}, "nothing"),
    ],
)
def test_what_a_change_of_the_config_makes_worthless(changes: dict[str, str], worthless: str) -> None:
    """What is done to a chunk: all work; what comes after it: the result; how it is done: nothing."""
    before, after = job(), job(**changes)
    same_work = recipe_of(before) == recipe_of(after)
    same_result = result_of(before, before.sinks[0], [(1, "v")], []) == result_of(after, after.sinks[0], [(1, "v")], [])
    assert (same_work, same_result) == (worthless != "work", worthless == "nothing")


def test_names_are_the_same_in_every_process() -> None:
    """They are compared with those of earlier runs: no hash that is salted, no address in a repr."""
    assert recipe_of(job()) == recipe_of(job())
    assert " at 0x" not in repr(job())


@pytest.mark.parametrize(
    ("placed", "left_out"),
    [
        ([(1, "v1")], []),
        ([(1, "v1"), (2, "v3")], []),
        ([(2, "v2"), (1, "v1")], []),
        ([(1, "v1"), (2, "v2"), (2, "v2")], []),
        ([(1, "v1"), (2, "v2")], ["b: chunk 1"]),
        ([], []),
    ],
)
def test_a_result_is_named_after_all_that_is_in_it(
    placed: Sequence[tuple[int, str | None]], left_out: list[str]
) -> None:
    """The shards, their versions and places, and the chunks that are left out."""
    base = result_of(job(), CSV, [(1, "v1"), (2, "v2")], [])
    assert result_of(job(), CSV, placed, left_out) != base
    assert result_of(job(), CSV, [(1, "v1"), (2, "v2")], []) == base


def test_rejects_are_another_result_than_any_output() -> None:
    """They have no encoding."""
    assert len({result_of(job(), sink, [], []) for sink in (None, CSV, NDJSON)}) == 3


def test_a_row_wise_job_keeps_a_segment_a_sink() -> None:
    """Each by its encoding, so that a sink that moves to another path finds its segments; an aggregation keeps none."""
    assert encodings_of(rowwise_job(CSV, NDJSON)) == ("csv/none", "ndjson/gzip")
    assert encodings_of(aggregating_job(CSV, NDJSON)) == ()


def test_an_input_is_one_by_name_place_and_member() -> None:
    """Its version and its place in the listing are not what it is; the name says nothing of its location."""
    shard = shard_of(0)
    assert identity_of(shard) == identity_of(shard_of(7, version="v9", name=shard.name))
    assert identity_of(shard) != identity_of(shard_of(1))
    assert shard.location not in identity_of(shard)


def test_what_was_found_out_is_kept_for_the_same_question() -> None:
    """Columns are inferred under `parse` alone; the result's columns hang on everything but the chunk size."""
    assert columns_key(job()) == columns_key(job(where="a > 2", path="other.csv"))
    assert columns_key(job()) != columns_key(job(delimiter=";"))
    assert job_key(job()) == job_key(job(chunk="2MB", workers="2"))
    assert job_key(job()) != job_key(job(having="n > 2"))
