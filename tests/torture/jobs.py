"""The jobs that are tortured: generated inputs whose records have unique ids, and what must come out of them."""

from __future__ import annotations

import csv
import gzip
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

KEYS = 97


@dataclass(frozen=True, slots=True)
class Job:
    """A config without its paths, and the oracle of its output: a second opinion that shares no code with the job."""

    name: str
    settings: dict[str, Any]
    oracle: Callable[[Path], list[str]]
    """What is wrong with an output: lost ids, doubled ids."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A folder of plain and gz files; ids run from 0 to `ids`."""

    folder: Path
    ids: int


def make_inputs(folder: Path, *, files: int, records: int, seed: int = 0) -> Inputs:
    """Writes `files` csv files of `records` each, every second one compressed; equal arguments, equal bytes."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for number in range(files):
        ids = range(number * records, (number + 1) * records)
        lines = [f"{id},k{id % KEYS},{rng.randbytes(rng.randrange(4, 40)).hex()}\n" for id in ids]
        data = "".join(["id,key,text\n", *lines]).encode()
        if number % 2:
            (folder / f"{number:04}.csv.gz").write_bytes(gzip.compress(data, 1, mtime=0))
        else:
            (folder / f"{number:04}.csv").write_bytes(data)
    return Inputs(folder, files * records)


def jobs_of(inputs: Inputs, *, chunk: str = "16KiB", workers: int = 2) -> tuple[Job, Job]:
    """An aggregation and a row-wise job over the same inputs."""
    settings = {
        "inputs": [f"{inputs.folder}/*.csv", f"{inputs.folder}/*.csv.gz"],
        "parse": {"columns": {"id": "int64", "key": "string", "text": "string"}},
        "run": {"chunk": chunk, "workers": workers, "memory": "64MiB"},
    }
    sums = {
        "aggregate": {
            "by": "key",
            "metrics": {"n": "count()", "ids": "sum(id)", "distinct": "count_distinct(id)", "text": "max(text)"},
        }
    }
    return (
        Job("sums", {**settings, **sums}, lambda path: _sums_wrong(path, inputs.ids)),
        Job("rows", settings, lambda path: _rows_wrong(path, inputs.ids)),
    )


MIB = 1 << 20


def bulk_job(folder: Path, *, chunks: int, largest: int) -> Job:
    """A row-wise job of one chunk a file, whose results have 4 B to `largest` bytes, more of them small than large."""
    folder.mkdir(parents=True)
    rng, id = random.Random(chunks), 0
    for number in range(chunks):
        size = int(largest ** rng.random() ** 2) if number else largest
        lines = ["id,width,burn"]
        while size > 0:
            lines.append(f"{id},{min(size, MIB)},{16 * MIB if len(lines) == 1 else 0}")
            size, id = size - MIB, id + 1
        (folder / f"{number:04}.csv").write_text("\n".join(lines) + "\n")
    burn = "length(regexp_replace(lpad('', burn, 'x'), '[w-y]', 'yy')) >= 0"  # a tenth of a second of work
    settings = {
        "inputs": f"{folder}/*.csv",
        "parse": {"columns": {"id": "int64", "width": "int64", "burn": "int64"}},
        "transform": [{"where": burn}, {"derive": {"text": "lpad('', width, 'x')"}}, {"select": ["id", "text"]}],
        "run": {"workers": 2, "chunk": "1MiB"},
    }
    return Job("bulk", settings, lambda path: _rows_wrong(path, id))


def _rows_wrong(path: Path, ids: int) -> list[str]:
    with path.open("rb") as file:
        found = Counter(int(line.partition(b",")[0]) for line in islice(file, 1, None))
    return _account(sum(found[id] == 0 for id in range(ids)), sum(count - 1 for count in found.values() if count > 1))


def _sums_wrong(path: Path, ids: int) -> list[str]:
    lost = doubled = 0
    with path.open(newline="") as file:
        found = {row["key"]: row for row in csv.DictReader(file)}
    for key in range(min(KEYS, ids)):
        expected = range(key, ids, KEYS)
        row = found.get(f"k{key}", {"n": 0, "distinct": 0, "ids": 0})
        lost += len(expected) - int(row["distinct"])
        doubled += int(row["n"]) - int(row["distinct"])
        if int(row["distinct"]) == len(expected) and int(row["ids"]) != sum(expected) and not doubled:
            lost += 1  # the right number of wrong ones
    return _account(lost, doubled)


def _account(lost: int, doubled: int) -> list[str]:
    return [f"{count} ids {how}" for count, how in ((lost, "lost"), (doubled, "doubled")) if count]
