"""What holds for every test."""

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

from pipeline.testing.leaks import leaks, of_module, of_test

# No deadlines: a machine that is busy is not a failure. In CI the examples are the same every time, so that a red run
# can be looked at again; elsewhere they are new ones.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder of this session's own for temporary files: others use the machine's. Its name is short, since sockets
    lie in it, and it is not where `tmp_path` is, which is kept for a while."""
    tmp_path_factory.getbasetemp()
    folder = tempfile.mkdtemp(prefix="t")
    os.chmod(folder, 0o1777)  # noqa: PTH101 - as /tmp is: a test may act as another user
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        patch.setenv("TMPDIR", folder)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_by_the_module(_temporary_folder: None) -> Iterator[None]:
    """Workers and loops that the tests of a module share end with it."""
    before = of_module()
    yield
    if left := leaks(before, of_module):
        pytest.fail(f"the module left behind: {left}")


@pytest.fixture(autouse=True)
def _nothing_left_by_the_test() -> Iterator[None]:
    """No process, descriptor, thread, shared memory or temporary file outlives its test."""
    before = of_test()
    yield
    if left := leaks(before, of_test):
        pytest.fail(f"the test left behind: {left}")
