"""The door of a worker lets results and errors through, and nothing else."""

import pickle

import pytest

from pipeline.errors import InputRefused, WorkFailed, error_of
from pipeline.model import Failure
from pipeline.worker.remote import call


def test_a_function_is_run_by_name() -> None:
    """ "module:function" with its arguments."""
    assert call("math:hypot", 3.0, 4.0) == 5.0


class Awkward(Exception):
    """Cannot be unpickled: its constructor wants a keyword."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")


def fail(kind: str) -> None:
    """Raises one of several exceptions."""
    errors: dict[str, BaseException] = {
        "awkward": Awkward(code=3),
        "exit": SystemExit(4),
        "refused": InputRefused("a.csv: bad", "mend it"),
    }
    raise errors[kind]


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("awkward", WorkFailed, "Awkward: code 3"),
        ("exit", WorkFailed, "SystemExit: 4"),
        ("refused", InputRefused, "a.csv: bad\n  mend it"),
    ],
)
def test_an_error_comes_back_as_data(kind: str, error: type[Exception], text: str) -> None:
    """Any exception becomes a Failure that pickles, and an error of ours again with the worker's traceback."""
    failure = pickle.loads(pickle.dumps(call(f"{__name__}:fail", kind)))
    assert isinstance(failure, Failure)
    back = error_of(failure)
    assert type(back) is error
    assert str(back) == text
    assert "in fail" in back.__notes__[0]
