"""Three meanings of an error, and nothing else.

    UpwellError
    ├── Stalled            a person must act; retrying cannot help
    ├── Waiting            not now; try again after a known time
    │   ├── StoreUnavailable     Redis does not answer
    │   └── ClusterUnavailable   the API server does not answer, or asks us to slow down
    ├── Conflict           somebody else wrote first; read again, then decide again
    ├── NotFound           the object is gone
    ├── AlreadyExists      the name is taken
    ├── Forbidden          the API server refuses the operator's or the caller's rights
    ├── Rejected           the API server refuses the object itself; the message is its own
    └── Fenced             a newer operator holds the Lease; this one must stop writing

Foreign exceptions are mapped to these at the edge (`store`, `cluster`), so that no other room knows redis or
kubernetes. Anything that is none of these is a bug: exponential backoff for that key alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class UpwellError(Exception):
    """Base of every error that Upwell raises on purpose; its text is written for a person."""


class Stalled(UpwellError):
    """A person must act, or wait until `again`, if that is given. `reason` is one of `resources.meta.Reason`."""

    def __init__(self, reason: str, message: str, again: datetime | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.again = again


class Waiting(UpwellError):
    """Not now: try again after `after` seconds."""

    def __init__(self, message: str, after: float = 5.0) -> None:
        super().__init__(message)
        self.after = after


class StoreUnavailable(Waiting):
    """Redis does not answer, or does not acknowledge writes."""


class ClusterUnavailable(Waiting):
    """The API server does not answer, or asked for a pause (429, 503)."""


class Conflict(UpwellError):
    """The object has changed since it was read."""


class NotFound(UpwellError):
    """The object does not exist."""


class AlreadyExists(UpwellError):
    """An object of this name exists."""


class Forbidden(UpwellError):
    """The API server refuses: the rights are missing."""


class Rejected(UpwellError):
    """The API server refuses the object: it is not valid."""


class Fenced(UpwellError):
    """A newer operator holds the Lease; this one must not write any more."""
