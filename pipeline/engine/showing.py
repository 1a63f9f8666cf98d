"""Which outputs a run must renew: those that are not what they should be by now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.engine.plan import Plan
from pipeline.engine.recipe import result_of
from pipeline.journal import Journal, Output
from pipeline.model import Job, SinkSpec
from pipeline.protocols import FileStamp, Written
from pipeline.sink.atomic import is_special

Found: TypeAlias = Literal["right", "missing", "edited", "old", "new"]
"""How an output is found: `old` is what another state of the job has shown, `new` what was never shown."""


@dataclass(frozen=True, slots=True)
class Showing:
    """The outputs of one run."""

    job: Job
    rejects: str
    sinks: tuple[SinkSpec, ...]
    """To be renewed."""
    complete: bool
    """There is none of them, and the file of rejects is right."""

    @classmethod
    def of(cls, plan: Plan, journal: Journal, *, work_left: bool) -> Showing:
        """Where there is work left, all are. Else those that were deleted or edited, or were never shown in this form;
        and those that keep nothing, such as standard output."""
        if work_left:
            return cls(plan.job, plan.rejects, plan.job.sinks, complete=False)
        shown = {output.path: output for output in journal.outputs()}
        results = _results(plan.job, plan.rejects, journal, journal.placed())
        stale = tuple(sink for sink in plan.job.sinks if _found(sink.path, shown, results) != "right")
        _, rejected, _ = journal.sums()
        found = _found(plan.rejects, shown, results) if rejected else None
        rejects_right = found == "right" if rejected else not Path(plan.rejects).is_file()
        return cls(plan.job, plan.rejects, stale, complete=not stale and rejects_right)

    def outputs(self, journal: Journal, written: Iterable[Written], rejects: FileStamp | None) -> list[Output]:
        """What is there now, for the next run to compare with: what this one has written, as it was written, and what
        it has left alone, as it was before. Nobody looks: somebody else may have been there meanwhile."""
        stamps = {self.rejects: rejects, **{each.path: each.stamp for each in written}}
        results = _results(self.job, self.rejects, journal, journal.placed())
        found = [output for output in journal.outputs() if output.result == results.get(output.path)]
        kept = {output.path: output for output in found if output.path not in stamps}
        new = {
            path: Output(path, results[path], stamp.bytes, stamp.mtime_ns, stamp.inode)
            for path, stamp in stamps.items()
            if stamp is not None and path in results
        }
        return [*(kept | new).values()]

    def remove_moved_rejects(self, journal: Journal) -> None:
        """Another first sink has another place for the rejects: the file at the old one is about nothing any more."""
        for output in journal.outputs():
            path = Path(output.path)
            if output.path != self.rejects and path.name == Path(self.rejects).name and _change(output) is None:
                with contextlib.suppress(OSError):
                    path.unlink()


def foreseen(plan: Plan, journal: Journal | None) -> Iterator[tuple[str, Found]]:
    """Each output, and the file of rejects where it alone would be renewed, with how it is found: what `Showing.of`
    will see, for a run that has not placed its inputs yet. All but those that are right will be written."""
    shown: dict[str, Output] = {}
    results: dict[str, str] = {}
    if journal is not None:
        shown = {output.path: output for output in journal.outputs()}
        if not plan.left:
            placed = [(each.row.id, each.row.version) for each in plan.standings if each.row is not None]
            results = _results(plan.job, plan.rejects, journal, placed)
    found = [(sink.path, _found(sink.path, shown, results)) for sink in plan.job.sinks]
    yield from found
    if journal is not None and all(how == "right" for _, how in found) and journal.sums()[1]:
        how = _found(plan.rejects, shown, results)
        if how != "right":
            yield plan.rejects_shown, how


def _results(job: Job, rejects: str, journal: Journal, placed: Sequence[tuple[int, str | None]]) -> dict[str, str]:
    """What each file should hold."""
    left_out = [chunk.place for chunk in journal.poison()]
    sinks: Sequence[tuple[str, SinkSpec | None]] = [
        *((sink.path, sink) for sink in job.sinks if sink.path != "-" and not is_special(Path(sink.path))),
        (rejects, None),
    ]
    return {path: result_of(job, sink, placed, left_out) for path, sink in sinks}


def _found(path: str, shown: Mapping[str, Output], results: Mapping[str, str]) -> Found:
    output = shown.get(path)
    if output is None:
        return "new"
    if (changed := _change(output)) is not None:
        return changed
    return "right" if output.result == results.get(path) else "old"


def _change(output: Output) -> Literal["missing", "edited"] | None:
    """What somebody else has done to it since it was shown."""
    try:
        stat = Path(output.path).stat()
    except OSError:
        return "missing"
    if (stat.st_size, stat.st_mtime_ns, stat.st_ino) != (output.bytes, output.mtime_ns, output.inode):
        return "edited"
    return None
