"""The errors, and the exit code each one ends the run with.

    PipelineError                1   failed otherwise
    ├── UsageError               2   the command line
    ├── InputRefused            65   input data: corrupt, too many rejects, a sum that does not fit
    │   ├── CorruptInput        65   a compressed or encoded body that is damaged or cut
    │   └── TooManyRejects      65   more records than parse.max_rejects allows
    ├── InputMissing            66   no such file, no match, 404
    ├── ServerError             69   could not be reached or said no: permanent
    │   └── TransientError      69   worth another try, made in one place: fetch's retry
    ├── WorkFailed              70   a function failed, or a chunk kept killing its worker
    ├── OutputError             73   cannot be written
    │   └── DamagedPart         73   what an earlier run has kept below run.state is not what it was
    ├── Busy                    75   another run holds the lock
    └── ConfigError             78   all complaints of one config

Foreign exceptions are translated once, where the foreign call is made. Errors cross processes as
`model.Failure`, never as exceptions: `failure_of` and `error_of` are the two directions.
"""

from __future__ import annotations

import traceback

from pipeline.model import Failure


class PipelineError(Exception):
    """Anything a user can cause. The text is the whole message; `hint` says what to do about it."""

    exit_code: int = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(PipelineError):
    exit_code = 2


class InputRefused(PipelineError):
    exit_code = 65


class CorruptInput(InputRefused):
    pass


class TooManyRejects(InputRefused):
    def __init__(self, message: str, hint: str = "", path: str | None = None) -> None:
        super().__init__(message, hint)
        self.path = path
        """Of the file that has them."""


class InputMissing(PipelineError):
    exit_code = 66


class ServerError(PipelineError):
    exit_code = 69


class TransientError(ServerError):
    pass


class WorkFailed(PipelineError):
    exit_code = 70


class OutputError(PipelineError):
    exit_code = 73


class DamagedPart(OutputError):
    pass


class Busy(PipelineError):
    exit_code = 75


class ConfigError(PipelineError):
    """Each complaint is a line of its own: `file:line: key: problem`."""

    exit_code = 78

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def _tree(root: type[PipelineError]) -> dict[str, type[PipelineError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def failure_of(error: BaseException) -> Failure:
    """The error as data, for the way out of a worker."""
    message = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    return Failure(type(error).__name__, message, trace)


def error_of(failure: Failure) -> PipelineError:
    """The data as an error again. What is not one of ours is a `WorkFailed`."""
    cls = _tree(PipelineError).get(failure.error, WorkFailed)
    error = cls((failure.message,)) if cls is ConfigError else cls(failure.message)
    error.add_note(failure.traceback)
    return error


def cause_of(error: BaseException) -> BaseException:
    """What ended a run, out of the groups that task groups wrap it in: an error of ours before a foreign one, a
    failure before a mere end."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(inner) for inner in error.exceptions]
    ours = [cause for cause in causes if isinstance(cause, PipelineError)]
    return next((cause for cause in ours if cause.exit_code), ours[0] if ours else causes[0])
