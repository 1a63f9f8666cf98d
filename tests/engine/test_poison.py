"""Poison: real workers that die in every way; exactly the chunks that kill are left out."""

import asyncio
from pathlib import Path

import pytest

from pipeline import events
from pipeline.engine.executors import Workers
from pipeline.errors import WorkFailed
from pipeline.testing.jobs import Jobs
from pipeline.testing.poison import KINDS, PoisonedCalls, poisoned

CHUNKS = 60
RECORD = "{:07d}\n"
JOB = """
    name: j
    inputs: a.txt
    parse: {{format: csv, header: false, columns: {{id: int64}}}}
    sink: out.csv
    run: {{chunk: 8, chunk_timeout: 1s, on_poison: {policy}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("".join(RECORD.format(number) for number in range(CHUNKS)))


async def test_exactly_the_poison_is_left_out() -> None:
    """A chunk a record: every other one is in the output, every kind of death ends as a reason, nobody is blamed for
    a neighbour; the next run has nothing to do, and when asked to try again it finds the same."""
    async with Workers(2) as workers:
        jobs = Jobs(PoisonedCalls(workers))
        jobs.calls.chunks = CHUNKS  # type: ignore[attr-defined]
        bad = poisoned(CHUNKS)
        for tasks in (CHUNKS - len(KINDS), 0):
            async with asyncio.timeout(120):
                result = await jobs.run(JOB.format(policy="skip"))
            assert len(jobs.outcomes()) == tasks
            assert [chunk.place for chunk in result.poison] == [f"a.txt: chunk {number}" for number in bad]
            assert all(chunk.reason for chunk in result.poison)
            assert [int(line) for line in Path("out.csv").read_text().splitlines()[1:]] == [
                number for number in range(CHUNKS) if number not in bad
            ]
        deaths = {chunk.reason.split(":")[0]: chunk.deaths for chunk in result.poison}
        assert deaths["killed by signal 11 (SIGSEGV)"] == 3
        assert deaths["exited with code 3"] == 3
        assert deaths["Unpicklable"] == 1, "an error is the same the second time"


async def test_poison_ends_the_run_where_it_is_not_to_be_left_out() -> None:
    """Exit 70, naming the chunk; the old output stays."""
    Path("out.csv").write_text("old")
    async with Workers(2) as workers:
        jobs = Jobs(PoisonedCalls(workers))
        jobs.calls.chunks = CHUNKS  # type: ignore[attr-defined]
        with pytest.raises(WorkFailed, match=r"a\.txt: chunk \d+"):
            await jobs.run(JOB.format(policy="fail"))
        assert Path("out.csv").read_text() == "old"
        assert any(isinstance(event, events.WorkerDied) for event in jobs.events) or jobs.outcomes()
