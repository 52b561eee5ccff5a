"""One POST of events to the server, and what its answer means.

Three outcomes: accepted; `Later`, try again (no connection, time-out, 401 while a token is rotated, 408, 429, 5xx); or
`errors.Refused`, for good. The token is read from its file for every request, because kubelet rotates it. Limits: proxy
variables are ignored, since the server is in the same cluster; redirects are refused.
"""

from __future__ import annotations

import json
import re

from upwell.errors import Refused
from upwell.pod import http
from upwell.pod.environment import Settings
from upwell.pod.http import Answer, BadAnswer, Url

REQUEST_SECONDS = 10.0
RETRIED = frozenset({401, 408, 429})
FIRST_ERROR, FIRST_SERVER_ERROR, SUCCESS = 400, 500, range(200, 300)


class Later(Exception):  # noqa: N818 - not an error: an answer
    """Not now; `after` is what the server asked for, in seconds."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Transport:
    """Posts to the ingest URL of one run."""

    def __init__(self, server: Url, settings: Settings) -> None:
        self._server = server
        self._path = f"/v1/runs/{settings.run.namespace}/{settings.run.name}/events"
        self._token_file = settings.token_file

    def post(self, body: bytes) -> None:
        """Send one batch; returns once it is acknowledged. Raises Later and Refused."""
        try:
            answer = http.post(self._server, self._path, self._headers(), body, REQUEST_SECONDS)
        except (OSError, ValueError, BadAnswer) as error:
            raise Later(f"{type(error).__name__}: {error}") from error
        if answer.status not in SUCCESS:
            raise _verdict(answer)

    def _headers(self) -> dict[str, str]:
        """Give the headers, with the token of this moment. Raises OSError, ValueError."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "upwell-runner"}
        if self._token_file:
            with open(self._token_file, encoding="ascii") as file:  # noqa: PTH123 - pathlib takes 8 ms to import
                headers["Authorization"] = f"Bearer {''.join(file.read().split())}"
        return headers


def _verdict(answer: Answer) -> Exception:
    """Tell a refusal from a "not now"."""
    detail = _detail(answer)
    if answer.status in RETRIED or answer.status >= FIRST_SERVER_ERROR:
        return Later(f"{answer.status}: {detail}", _retry_after(answer.headers.get("retry-after", "")))
    if answer.status < FIRST_ERROR:
        detail = f"it redirects to {answer.headers.get('location')}; UPWELL_SERVER must be its own URL"
    return Refused(answer.status, detail)


def _detail(answer: Answer) -> str:
    """Give the sentence of a problem document (RFC 9457), or the beginning of whatever was answered."""
    try:
        problem = json.loads(answer.body)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, AttributeError, KeyError):
        return answer.body[:300].decode(errors="replace").strip() or f"HTTP status {answer.status}"


def _retry_after(value: str) -> float:
    """Read Retry-After: seconds, or an HTTP date; 0 for anything else."""
    if not value:
        return 0.0
    if re.fullmatch("[0-9]{1,9}", value):
        return float(value)
    import time  # noqa: PLC0415 - rare
    from email.utils import mktime_tz, parsedate_tz  # noqa: PLC0415 - rare

    date = parsedate_tz(value)
    return max(0.0, mktime_tz(date) - time.time()) if date else 0.0
