"""Ctrl-C and SIGTERM: the first ends the run in good order, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The run was ended by a signal; everything has been put in order."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.exit_code = 128 + number


def run_interruptible(main: Coroutine[Any, Any, int]) -> int:
    """Runs the coroutine on a new loop and returns what it returns.

    The first SIGINT or SIGTERM cancels it; what it does then is its own affair, and Interrupted is raised when it has
    ended, even with an error: the signal is the reason. The second signal ends this process on the spot, with its
    workers (they see to it themselves).
    """
    received: list[signal.Signals] = []

    async def guarded() -> int:
        loop = asyncio.get_running_loop()
        task = loop.create_task(main)

        def receive(number: signal.Signals) -> None:
            if received:
                os._exit(128 + number)
            received.append(number)
            task.cancel()

        for number in SIGNALS:
            loop.add_signal_handler(number, receive, number)
        return await task

    try:
        return asyncio.run(guarded())
    except BaseException:
        if received:
            raise Interrupted(received[0]) from None
        raise
