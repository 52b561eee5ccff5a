"""What can go wrong in user code and around it.

    UpwellError                    its text is written for a person
    └── PermanentError             no retry can mend it: the runner exits with 78 and the Job ends
        ├── InvalidValue           also a ValueError: a version, key, tag or metadata value that cannot be recorded
        ├── WrongType              also a TypeError: something of a type that means nothing here
        ├── FunctionNotFound       the run names a module or function that is not in the image
        ├── InvalidEnvironment     the process was not started the way Upwell starts it
        └── Refused                the server understood the report and says no (its `detail` is the text)
    Terminated                     BaseException: the process was asked to stop (SIGTERM)
    TimedOut                       BaseException: an asset's time is over, in a pod that observes several

Limits: whatever a user's function raises itself is none of these, and is an attempt that may be tried again.
"""

# ruff: noqa: N818 - the names say what happened, as the operator's errors do

from __future__ import annotations


class UpwellError(Exception):
    """Base of every error that Upwell raises on purpose."""


class PermanentError(UpwellError):
    """The same call would fail again, however often it is tried."""


class InvalidValue(PermanentError, ValueError):
    """A value of the right type that cannot be recorded."""


class WrongType(PermanentError, TypeError):
    """A value of a type that means nothing in its place."""


class FunctionNotFound(PermanentError):
    """The module or the function that a run names does not exist."""


class InvalidEnvironment(PermanentError):
    """An environment variable of the run is missing or does not mean anything."""


class Refused(PermanentError):
    """The server refuses a report for good; `status` is the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"the server refused the report ({status}): {detail}")
        self.status = status


class Terminated(BaseException):
    """The process received SIGTERM; a BaseException, so that `except Exception` in user code lets it through."""


class TimedOut(BaseException):
    """A function took longer than its asset's timeoutSeconds; a BaseException for the same reason."""


def type_name(value: object) -> str:
    """Name the type of `value` as its user would import it: `int`, `pandas.core.frame.DataFrame`."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
