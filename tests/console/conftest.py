"""A run by hand for every test of the console."""

import pytest

from pipeline.testing.observed import ObservedRun


@pytest.fixture
def run() -> ObservedRun:
    return ObservedRun()
