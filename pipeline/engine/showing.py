"""Which outputs a run must renew: those that are not what they should be by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.plan import Plan
from pipeline.engine.recipe import result_of
from pipeline.engine.work import Work
from pipeline.journal import Journal, Output
from pipeline.model import Job, SinkSpec
from pipeline.sink.atomic import is_special


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
    def of(cls, plan: Plan, journal: Journal, work: Work) -> Showing:
        """Where there is work left, all are. Else those that were deleted or edited, or were never shown in this form;
        and those that keep nothing, such as standard output."""
        if work.shards:
            return cls(plan.job, plan.rejects, plan.job.sinks, complete=False)
        shown = {output.path: output for output in journal.outputs()}
        results = _results(plan.job, plan.rejects, journal)
        stale = tuple(sink for sink in plan.job.sinks if not _is_current(sink.path, shown, results))
        _, rejected, _ = journal.sums()
        rejects_right = not rejected or _is_current(plan.rejects, shown, results)
        return cls(plan.job, plan.rejects, stale, complete=not stale and rejects_right)

    def outputs(self, journal: Journal) -> list[Output]:
        """What is there now, for the next run to compare with."""
        found: list[Output] = []
        for path, result in _results(self.job, self.rejects, journal).items():
            try:
                stat = Path(path).stat()
            except OSError:  # no rejects; or it went the moment it was shown, and the next run will see that
                continue
            found.append(Output(path, result, stat.st_size, stat.st_mtime_ns, stat.st_ino))
        return found


def _results(job: Job, rejects: str, journal: Journal) -> dict[str, str]:
    """What each file should hold."""
    placed, left_out = journal.placed(), [chunk.place for chunk in journal.poison()]
    sinks: Sequence[tuple[str, SinkSpec | None]] = [
        *((sink.path, sink) for sink in job.sinks if sink.path != "-" and not is_special(Path(sink.path))),
        (rejects, None),
    ]
    return {path: result_of(job, sink, placed, left_out) for path, sink in sinks}


def _is_current(path: str, shown: Mapping[str, Output], results: Mapping[str, str]) -> bool:
    output = shown.get(path)
    if output is None or output.result != results.get(path):
        return False
    try:
        stat = Path(path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino) == (output.bytes, output.mtime_ns, output.inode)
