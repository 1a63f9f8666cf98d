"""Ctrl-C and SIGTERM: the first ends the run in good order, the second at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

from pipeline.errors import PipelineError

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

GRACE_S: Final = 5.0
"""What a run may take to finish what it has in hand."""


class Interrupted(PipelineError):
    """The run was ended by a signal; everything has been put in order."""

    def __init__(self, number: signal.Signals, hint: str = "") -> None:
        super().__init__(f"stopped by {number.name}; each output is whole, the old one or the new one", hint)
        self.exit_code = 128 + number


class Stop:
    """How a run hears of the first signal. Where nobody attends, it is cancelled at once."""

    def __init__(self) -> None:
        self.number: signal.Signals | None = None
        self._asked = asyncio.Event()
        self._attended = False
        self._too_late = False

    def is_too_late(self) -> None:
        """The result is there: a first signal from now on changes nothing any more, not even the exit code."""
        self._too_late = True

    @contextlib.contextmanager
    def attended(self) -> Iterator[asyncio.Event]:
        """In here the signal sets the event, and the run has `GRACE_S` to end by itself."""
        self._attended = True
        try:
            yield self._asked
        finally:
            self._attended = False

    def receive(self, number: signal.Signals, task: asyncio.Task[Any]) -> None:
        """A signal has come for the task."""
        if self.number is not None:
            os._exit(128 + number)  # the workers see to it themselves
        self.number = number
        if self._too_late:
            return
        if self._attended:
            self._asked.set()
            asyncio.get_running_loop().call_later(GRACE_S, task.cancel)
        else:
            task.cancel()


def run_interruptible(main: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    """Runs `main` on a new loop and returns what it returns.

    The first SIGINT or SIGTERM stops it (see `Stop`), and Interrupted is raised when it has ended, even with an error:
    the signal is the reason. The second ends this process on the spot. Afterwards signals do what they did before.
    """
    stop = Stop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    async def guarded() -> T:
        loop = asyncio.get_running_loop()
        task = loop.create_task(main(stop))
        for number in SIGNALS:
            loop.add_signal_handler(number, stop.receive, number, task)
        return await task

    try:
        return asyncio.run(guarded())
    except Interrupted:
        raise
    except BaseException:
        if stop.number is not None:
            raise Interrupted(stop.number) from None
        raise
    finally:
        # The loop leaves Python's own in their place: a Ctrl-C while the results are written would be a traceback.
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
