"""The rejects of one run: how many there may be, and the file that has them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from pipeline.engine.calls import Calls
from pipeline.engine.outputs import show_rejects
from pipeline.engine.plan import Plan
from pipeline.engine.recipe import encodings_of
from pipeline.engine.state import State
from pipeline.engine.work import Work
from pipeline.errors import TooManyRejects
from pipeline.model import Outcome
from pipeline.sink.rejects_file import RejectsFile


@dataclass(slots=True)
class Rejecting:
    """`parse.max_rejects`, for what this run and those before it have rejected."""

    plan: Plan
    calls: Calls
    state: State
    work: Work
    rejected: int = 0
    """By this run."""

    def count(self, outcome: Outcome) -> None:
        """Raises TooManyRejects once a count is passed: nothing that follows can mend that. A share is judged at the
        end."""
        self.rejected += outcome.rejected
        limit = self.plan.config.parse.max_rejects
        if limit.count is not None and self.rejected > limit.count - self.work.rejected_before_at_most:
            rejected = self.rejected + self.work.rejected_before()
            if rejected > limit.count:
                raise self._too_many(f"{rejected:,} records were rejected")

    def judge(self, rejected: int, records: int) -> None:
        """Raises TooManyRejects for a result with so many."""
        if not self.plan.config.parse.max_rejects.allows(rejected, records):
            raise self._too_many(f"{rejected:,} of {records:,} records were rejected")

    async def show(self) -> None:
        """Shows the file of a run that is refused: its error speaks of it. What such a run no longer needs goes, or the
        state would grow with every night that is refused."""
        _, rejected, _ = await self.state.ask(self.state.journal.sums)
        await show_rejects(self.file(rejected))
        await self.state.ask(self.state.journal.prune, encodings_of(self.plan.job))

    def file(self, rejected: int) -> RejectsFile:
        """Of all rejects in the journal, which are so many."""
        join = functools.partial(self.calls.join_rejects, self.state.journal.path)
        return RejectsFile(self.plan.rejects, rejected, join, job=self.plan.config.name, run=self.state.run)

    def _too_many(self, found: str) -> TooManyRejects:
        inferred = " Types were inferred; parse.columns sets them." if self.plan.job.parse.inferred else ""
        return TooManyRejects(
            f"{found}, parse.max_rejects allows {self.plan.config.parse.max_rejects}",
            f"{self.plan.rejects_shown} has them, each with its place and reason.{inferred}",
            self.plan.rejects_shown,
        )
