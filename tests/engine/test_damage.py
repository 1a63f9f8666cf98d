"""What a disk has damaged below run.state: never a wrong output, one run that says so, and then the right one."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from pipeline import events
from pipeline.errors import DamagedPart
from pipeline.testing.jobs import Jobs

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = """
    name: j
    inputs: '[abc].csv'
    parse: {columns: {k: string, v: int64}, max_rejects: 10}
    sink: [out.csv, out.ndjson.gz]
"""
SUMS = ROWS.replace("sink:", "aggregate: {by: v, metrics: {n: count(), first: first(k)}}\n    sink:")
PARTS = Path(".pipeline/j/parts")
JOURNAL = Path(".pipeline/j/journal.sqlite")
OUTPUTS = (Path("out.csv"), Path("out.ndjson.gz"), Path("j.rejects.ndjson"))

Harm: TypeAlias = Callable[[Path], object]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three inputs, each with a reject; the partial of the second is too large to lie in the journal."""
    monkeypatch.chdir(tmp_path)
    for name, records in (("a", 50), ("b", 6000), ("c", 50)):
        write(f"{name}.csv", records)
    yield
    assert not list(Path(".pipeline").glob("*/run-*"))


def write(path: str, records: int) -> None:
    body = "".join(f"{path[0]}{number % 2},{number}\n" for number in range(records))
    Path(path).write_text(f"k,v\n{body}{path[0]},bad\n")
    later = time.time_ns() + records * 1000
    os.utime(path, ns=(later, later))


def kept(query: str) -> Path:
    """The one file of b.csv that the query finds in the journal."""
    db = sqlite3.connect(JOURNAL)
    try:
        [(name,)] = db.execute(f"{query} AND shard = (SELECT id FROM shard WHERE name = 'b.csv')").fetchall()
    finally:
        db.close()
    return PARTS / str(name)


def segment() -> Path:
    return kept("SELECT path FROM segment WHERE encoding LIKE '%csv%'")


def partial() -> Path:
    return kept("SELECT path FROM part WHERE path IS NOT NULL AND \"table\" = 'main'")


def rejects() -> Path:
    return kept("SELECT rejects FROM task WHERE TRUE")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4] = bytes(each ^ 1 for each in content[middle : middle + 4])
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def replace(path: Path) -> None:
    """Root reads every file; nobody reads a folder."""
    path.unlink()
    path.mkdir()


def lose() -> None:
    for path in OUTPUTS:
        path.unlink()


async def right(jobs: Jobs, config: str) -> list[bytes]:
    """The outputs of a first run, which are gone afterwards."""
    await jobs.run(config)
    contents = [path.read_bytes() for path in OUTPUTS]
    lose()
    return contents


@pytest.mark.parametrize("harm", [flip, cut, replace])
@pytest.mark.parametrize(
    ("config", "part"),
    [(ROWS, segment), (ROWS, rejects), (SUMS, partial), (SUMS, rejects)],
    ids=["segment", "rejects-of-rows", "partial", "rejects-of-sums"],
)
async def test_a_damaged_file_costs_one_run_and_never_shows(
    jobs: Jobs, config: str, part: Callable[[], Path], harm: Harm
) -> None:
    """73 with the names of file and input, and no output; then that input alone is read, and all is right."""
    expected = await right(jobs, config)
    path = part()
    harm(path)
    with pytest.raises(DamagedPart) as caught:
        await jobs.run(config)
    assert caught.value.exit_code == 73
    assert str(path) in caught.value.message
    assert "What was made of b.csv is forgotten: the same command reads it again" in caught.value.hint
    assert not jobs.outcomes()
    assert not any(path.exists() for path in OUTPUTS)
    await jobs.run(config)
    assert jobs.read() == ["b.csv"]
    assert [path.read_bytes() for path in OUTPUTS] == expected


async def test_a_damaged_partial_in_the_journal_costs_one_run(jobs: Jobs) -> None:
    """SQLite has no checksums of its own."""
    expected = await right(jobs, SUMS)
    db = sqlite3.connect(JOURNAL, isolation_level=None)
    [(shard, table, inline)] = db.execute(
        'SELECT shard, "table", inline FROM part JOIN shard ON shard.id = shard'
        " WHERE shard.name = 'a.csv' AND \"table\" = 'main'"
    ).fetchall()
    damaged = bytearray(inline)
    damaged[len(damaged) // 2] ^= 1
    db.execute('UPDATE part SET inline = ? WHERE shard = ? AND "table" = ?', (bytes(damaged), shard, table))
    db.close()
    with pytest.raises(DamagedPart, match=r"journal\.sqlite: a partial in it is damaged\n.* of a\.csv is forgotten"):
        await jobs.run(SUMS)
    await jobs.run(SUMS)
    assert jobs.read() == ["a.csv"]
    assert [path.read_bytes() for path in OUTPUTS] == expected


@pytest.mark.parametrize("config", [ROWS, SUMS])
async def test_all_that_is_damaged_costs_one_run(jobs: Jobs, config: str) -> None:
    """A disk that fails does not fail once: not one night for each of its blocks."""
    expected = await right(jobs, config)
    damaged = [path for path in PARTS.iterdir() if path.stat().st_size]
    assert len(damaged) > 3
    for path in damaged:
        flip(path)
    with pytest.raises(DamagedPart, match=rf"and {len(damaged) - 1} more like it"):
        await jobs.run(config)
    await jobs.run(config)
    assert jobs.read() == ["a.csv", "b.csv", "c.csv"]
    assert [path.read_bytes() for path in OUTPUTS] == expected


async def test_what_the_run_itself_has_made_is_not_lost_with_what_is_damaged(jobs: Jobs) -> None:
    """An input that has changed in the meantime is done in the run that finds the damage, and not again."""
    await right(jobs, ROWS)
    flip(segment())
    write("c.csv", 60)
    with pytest.raises(DamagedPart):
        await jobs.run(ROWS)
    assert jobs.read() == ["c.csv"]
    await jobs.run(ROWS)
    assert jobs.read() == ["b.csv"]
    assert len(Path("out.csv").read_text().splitlines()) == 1 + 50 + 6000 + 60


async def test_a_segment_that_shrinks_under_the_run_is_forgotten_too(jobs: Jobs) -> None:
    """What was made in this run is not read again, but its size is looked at; the next run must not fail for it, though
    the checksum may be that of what is left."""

    def cut_one(event: events.Event) -> None:
        if isinstance(event, events.TaskDone) and event.outcome.shard_name == "b.csv":
            cut(Path(event.outcome.slices[0].segments[0].path))

    jobs.observe = cut_one
    with pytest.raises(DamagedPart, match=r"What was made of b\.csv is forgotten"):
        await jobs.run(ROWS)
    jobs.observe = lambda _: None
    await jobs.run(ROWS)
    assert jobs.read() == ["b.csv"]
    assert len(Path("out.csv").read_text().splitlines()) == 1 + 50 + 6000 + 50
