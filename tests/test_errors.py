"""Errors end a run with their own exit code, and survive the way out of a worker."""

import pytest

from pipeline import errors
from pipeline.errors import ConfigError, InputRefused, PipelineError, WorkFailed, cause_of, error_of, failure_of


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("PipelineError", 1),
        ("UsageError", 2),
        ("InputRefused", 65),
        ("CorruptInput", 65),
        ("InputMissing", 66),
        ("ServerError", 69),
        ("TransientError", 69),
        ("WorkFailed", 70),
        ("OutputError", 73),
        ("DamagedPart", 73),
        ("Busy", 75),
        ("ConfigError", 78),
    ],
)
def test_exit_codes_are_those_of_the_contract(name: str, code: int) -> None:
    """A scheduler reads them: they never change."""
    assert getattr(errors, name).exit_code == code


@pytest.mark.parametrize(
    "error", [InputRefused("bad", "mend"), ConfigError(("a:1: x: y", "a:2: z: w")), WorkFailed("f")]
)
def test_our_errors_come_back_as_they_were(error: PipelineError) -> None:
    """Out of a worker and in again: same class, same text."""
    back = error_of(failure_of(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_a_foreign_error_is_the_functions_failure() -> None:
    """What is not ours was raised by the work: exit code 70, with the foreign type in the text."""
    back = error_of(failure_of(KeyError("x")))
    assert type(back) is WorkFailed
    assert str(back) == "KeyError: 'x'"


def test_the_cause_of_a_group_is_ours_before_it_is_foreign() -> None:
    """Task groups wrap errors, also several and in layers; the run ends with the one that says most."""
    ours = InputRefused("bad")
    group = BaseExceptionGroup("outer", [OSError("x"), BaseExceptionGroup("inner", [ValueError("y"), ours])])
    assert cause_of(group) is ours
    lone = OSError("x")
    assert cause_of(BaseExceptionGroup("outer", [lone])) is lone
    assert cause_of(lone) is lone
