"""The door of a worker: runs a function by name, so that the parent need not import it, and brings every error back
as data."""

from __future__ import annotations

import importlib

from pipeline.errors import failure_of
from pipeline.model import Failure


def call(target: str, *args: object) -> object | Failure:
    """Runs "package.module:function" and returns what it returns.

    An exception, whatever its class, comes back as a Failure: an exception class may not survive pickling, and one
    with required keyword-only arguments breaks the pool that carries it.
    """
    module, _, name = target.partition(":")
    try:
        result: object = getattr(importlib.import_module(module), name)(*args)
        return result  # noqa: TRY300 - the door has two ways out
    except BaseException as error:  # noqa: BLE001 - sys.exit in a user's function is an error of the function
        return failure_of(error)
