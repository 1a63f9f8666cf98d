"""Power cuts of the real commit code: no promise is broken, and nothing half-written is seen.

At every step of the record of a `commit_history` the power is cut, and what is left is checked:

- a task that was acknowledged is in the journal;
- every file that the journal names is there, and holds what the worker wrote;
- every output holds the old result or the new one, whole, and after its commit the new one.

    python -m pipeline.testing.power_cuts SEED COUNT
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from pipeline.engine.recorder import Recorder
from pipeline.model import ChunkId
from pipeline.testing.commit_history import Acknowledged, Committed, Committing, History, Journaled, MakeRecorder
from pipeline.testing.model_disk import ModelDisk, Op, Platter

MakeDisk: TypeAlias = Callable[[Path, Callable[[Path], bool]], ModelDisk]


@dataclass(slots=True)
class _Promises:
    """What the code has promised up to a step of the record."""

    contents: dict[str, bytes] = field(default_factory=dict)
    journaled: set[ChunkId] = field(default_factory=set)
    acknowledged: set[ChunkId] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    """Those that the journal names."""
    outputs: dict[str, set[bytes | None]] = field(default_factory=dict)
    """What each may hold."""
    coming: dict[str, bytes | None] = field(default_factory=dict)
    whole: set[bytes | None] = field(default_factory=lambda: {None})
    """All that any output has ever been meant to hold."""

    def follow(self, op: Op) -> None:
        match op.note:
            case Journaled(tasks, files):
                self.journaled.update(tasks)
                self.files.update((path, self.contents[path]) for path in files)
            case Acknowledged(task):
                self.acknowledged.add(task)
            case Committing(outputs):
                self.coming = dict(outputs)
                for path, content in outputs:
                    self.outputs.setdefault(path, {None}).add(content)
                    self.whole.add(content)
            case Committed():
                self.outputs = {path: {content} for path, content in self.coming.items()}
            case _ if op.kind == "write":
                self.contents[op.path] = op.content

    def broken(self, found: dict[str, bytes]) -> Iterator[tuple[str, str]]:
        """(lost or corrupt, what) of each promise that the disk does not keep."""
        for task in self.acknowledged - self.journaled:
            yield "lost", f"task {task}"
        for path, content in self.files.items():
            if found.get(path) != content:
                yield ("corrupt" if path in found else "lost"), path
        for path, allowed in self.outputs.items():
            if (content_now := found.get(path)) not in allowed:
                yield ("lost" if content_now in self.whole else "corrupt"), path


@dataclass(slots=True)
class Findings:
    """What so many power cuts have found."""

    seed: int
    cuts: int = 0
    histories: int = 0
    lost: list[str] = field(default_factory=list)
    """Acknowledged and not there: the history, the step, and what."""
    corrupt: list[str] = field(default_factory=list)
    """There and not what was written."""

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("seed", "cuts", "histories", "lost", "corrupt")}


def power_cuts(seed: int, count: int, disk: MakeDisk = ModelDisk, recorder: MakeRecorder = Recorder) -> Findings:
    """Cuts the power `count` times or a few more. `disk` and `recorder` are for the mutation twins. What threads do
    side by side differs from time to time: a finding names the last steps before the cut."""
    findings = Findings(seed)
    with tempfile.TemporaryDirectory() as folder:
        while findings.cuts < count:
            root = Path(folder, str(findings.histories)).resolve()
            root.mkdir()
            chance = random.Random(f"{seed}/{findings.histories}")  # noqa: S311 - no secret
            _cut(_record(chance, root, disk, recorder), root, chance, findings)
            findings.histories += 1
    return findings


def _record(chance: random.Random, root: Path, make_disk: MakeDisk, recorder: MakeRecorder) -> list[Op]:
    syncs = itertools.count()
    failing = chance.randrange(20) if chance.random() < 0.4 else -1
    disk = make_disk(root, lambda _: next(syncs) == failing)
    asyncio.run(History(chance, disk, recorder).run())
    return disk.record


def _cut(record: Sequence[Op], root: Path, chance: random.Random, findings: Findings) -> None:
    platter, promises = Platter(root), _Promises()
    for step, op in enumerate(record):
        platter.follow(op)
        promises.follow(op)
        findings.cuts += 1
        for what, name in promises.broken(platter.cut(chance)):
            last = [f"{op.kind} {Path(op.path).name}" for op in record[max(0, step - 4) : step + 1]]
            found = findings.lost if what == "lost" else findings.corrupt
            found.append(f"history {findings.histories}, step {step}: {name} after {', '.join(last)}")


def main(arguments: Sequence[str]) -> int:
    seed, count = map(int, arguments)
    findings = power_cuts(seed, count)
    sys.stdout.write(orjson.dumps(findings.document()).decode() + "\n")
    return 1 if findings.lost or findings.corrupt else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
