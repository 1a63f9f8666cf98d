"""Chunks that kill their workers in ten ways, among many that do not: exactly they are left out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.engine.executors import Workers
from pipeline.testing.jobs import Jobs
from pipeline.testing.poison import PoisonedCalls, poisoned
from tests.torture.bench import Bench
from tests.torture.tally import Tally

CHUNKS = 1000
JOB = """
    name: j
    inputs: a.txt
    parse: {format: csv, header: false, columns: {id: int64}}
    sink: out.csv
    run: {chunk: 8, chunk_timeout: 2s, on_poison: skip}
"""


def torture(bench: Bench) -> Iterator[Tally]:
    """One run, a record a chunk."""
    chunks = max(40, bench.scaled(CHUNKS))
    folder = bench.folder / "poison"
    folder.mkdir()
    (folder / "a.txt").write_text("".join(f"{number:07d}\n" for number in range(chunks)))
    tally = Tally("poison", f"10 kinds among {chunks} chunks")
    since = time.monotonic()
    with contextlib.chdir(folder):
        tally.add("one run", asyncio.run(_wrong(chunks)))
    tally.most("seconds", time.monotonic() - since)
    yield tally


async def _wrong(chunks: int) -> list[str]:
    bad = poisoned(chunks)
    async with Workers(2) as workers:
        calls = PoisonedCalls(workers)
        calls.chunks = chunks
        result = await Jobs(calls).run(JOB)
    wrong: list[str] = []
    if (blamed := [chunk.place for chunk in result.poison]) != [f"a.txt: chunk {number}" for number in bad]:
        wrong.append(f"blamed: {blamed}")
    rows = [int(line) for line in Path("out.csv").read_text().splitlines()[1:]]
    if rows != [number for number in range(chunks) if number not in bad]:
        wrong.append(f"{len(rows)} rows of {chunks - len(bad)}, or not those")
    return wrong
