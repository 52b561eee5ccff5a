"""What of a resource may leave the house: everything but what may be a secret.

Values of environment variables go, whatever they are called; so do credentials in URLs, and the copy of the whole
manifest that kubectl keeps in an annotation. What refers to a Secret stays: it is a name.

Limits: by shape, not by meaning. A secret that somebody wrote into a description, a command or a log is not known here.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "REDACTED"
DROPPED = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})
_IN_A_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@]+@")


def redacted(value: Any) -> Any:
    """Give a JSON value without what may be a secret."""
    if isinstance(value, dict):
        return {name: _of_field(name, one) for name, one in value.items() if name not in DROPPED}
    if isinstance(value, list):
        return [redacted(one) for one in value]
    return _IN_A_URL.sub(rf"\g<scheme>{REDACTED}@", value) if isinstance(value, str) else value


def _of_field(name: str, value: Any) -> Any:
    if name == "env" and isinstance(value, list):
        return [_of_variable(one) for one in value]
    return redacted(value)


def _of_variable(one: Any) -> Any:
    """Give a variable with its name, and without its value."""
    if isinstance(one, dict) and "value" in one:
        return {**redacted(one), "value": REDACTED}
    return redacted(one)
