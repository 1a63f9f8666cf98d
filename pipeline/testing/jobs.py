"""Jobs run in this process, with real workers and files: what the command line does, without the command line."""

from __future__ import annotations

import os
from collections.abc import Callable

from pipeline import events
from pipeline.config.load import parse
from pipeline.engine.calls import Calls
from pipeline.engine.flow import Result, run
from pipeline.engine.plan import planned
from pipeline.engine.signals import Stop
from pipeline.engine.state import job_state
from pipeline.errors import cause_of


class Jobs:
    """Runs configs in the working directory and remembers what happened in the last one."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.events: list[events.Event] = []
        self.before_run: Callable[[], object] = lambda: None
        """Called when the plan stands."""
        self.observe: Callable[[events.Event], object] = lambda _: None
        """Told of each event as it happens."""
        self.stop = Stop()

    async def run(self, config: str) -> Result:
        """Raises the cause of a failure, out of its groups."""
        self.events.clear()
        self.stop = Stop()
        loaded = parse(config, "job.yaml", environ=os.environ)
        try:
            async with (
                job_state(loaded.run.state, loaded.name, 0.0) as state,
                planned(loaded, None, self.calls, state.scratch, self._see, journal=state.journal) as plan,
            ):
                self.before_run()
                return await run(plan, self.calls, state, self._see, self.stop)
        except Exception as error:
            raise cause_of(error) from error

    def _see(self, event: events.Event) -> None:
        self.events.append(event)
        self.observe(event)

    def notices(self) -> list[str]:
        """What may be a mistake in the config."""
        return [event.message for event in self.events if isinstance(event, events.Noticed)]

    def outcomes(self) -> list[events.TaskDone]:
        """The tasks that were done."""
        return [event for event in self.events if isinstance(event, events.TaskDone)]

    def read(self) -> list[str]:
        """Names of the shards that tasks were done of, in order."""
        return sorted({event.outcome.shard_name for event in self.outcomes()})
