"""Real workers, shared by the modules that run whole jobs."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pipeline.engine.calls import Calls
from pipeline.engine.executors import Workers
from pipeline.testing.jobs import Jobs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls() -> AsyncIterator[Calls]:
    """Two workers for a whole module, whose tests share its loop."""
    async with Workers(2) as workers:
        yield Calls(workers)


@pytest.fixture
def jobs(calls: Calls) -> Jobs:
    return Jobs(calls)
