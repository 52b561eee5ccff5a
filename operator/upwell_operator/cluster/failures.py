"""What an answer of the API server that is not a success means to Upwell: one table, pure, from HTTP to `errors.py`.

The server's own message is kept, because it names the field; what helps nobody (the object's name again, page after
page of it) is cut. Limits: Kubernetes has no machine-readable reason for some refusals (quota): told by their text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from upwell_operator.errors import (
    AlreadyExists,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    UpwellError,
    Waiting,
)

MAX_MESSAGE = 1000
"""A condition's message may have 32 KiB; a person reads a few lines."""
MAX_RETRY_AFTER = 60.0
"""However long the server asks us to wait, look again after a minute."""

_STRICT = re.compile(r"^.*? cannot be handled as an? \w+: strict decoding error: ", re.DOTALL)
_INVALID = re.compile(r'^\S+ "[^"]*" is invalid: ')


def shorten(message: str, limit: int = MAX_MESSAGE) -> str:
    """Keep of the server's message what helps: the field and why, without the prefix that repeats the object's name."""
    text = _INVALID.sub("", _STRICT.sub("", message)).strip()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def failure(status: int, headers: Mapping[str, str], body: bytes, doing: str) -> UpwellError:
    """Map an answer to an error of ours; `doing` says what was tried, as in "create jobs shop/raw-orders"."""
    answer = _status_of(body)
    message = f"cannot {doing}: {shorten(str(answer.get('message') or _plain(status, body)))}"
    match status:
        case HTTPStatus.NOT_FOUND:
            return NotFound(_missing(message, answer))
        case HTTPStatus.CONFLICT:
            return AlreadyExists(message) if answer.get("reason") == "AlreadyExists" else Conflict(message)
        case HTTPStatus.FORBIDDEN:
            return _refused(message, answer)
        case HTTPStatus.UNAUTHORIZED:
            return Forbidden(f"{message}; the API server does not accept these credentials, they may have expired")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ClusterUnavailable(message, after=_retry_after(headers, answer))
    return Rejected(message)


def _status_of(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _plain(status: int, body: bytes) -> str:
    return body[:200].decode("utf-8", "replace").strip() or f"HTTP {status}"


def _retry_after(headers: Mapping[str, str], answer: Mapping[str, Any]) -> float:
    given = headers.get("Retry-After") or (answer.get("details") or {}).get("retryAfterSeconds") or 5
    try:
        return min(max(float(given), 0.1), MAX_RETRY_AFTER)
    except ValueError:
        return 5.0  # an HTTP date: no API server sends one, a proxy may


def _refused(message: str, answer: Mapping[str, Any]) -> UpwellError:
    """Tell missing rights from a refusal that passes: a quota that is used up, a namespace that is going away."""
    causes = (answer.get("details") or {}).get("causes") or ()
    if "exceeded quota" in message or any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return Waiting(message, after=30.0)
    return Forbidden(message)


def _missing(message: str, answer: Mapping[str, Any]) -> str:
    """Tell a missing object from a missing kind, which has an empty answer: then the CRDs are not installed."""
    if (answer.get("details") or {}).get("name") or answer.get("reason") == "NotFound":
        return message
    return f"{message}; the cluster does not know this kind, install it with `upwell crds | kubectl apply -f -`"
