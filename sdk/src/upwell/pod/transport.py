"""One POST of events to the server, and what its answer means.

Three outcomes: accepted; `Later`, try again (no connection, time-out, 401 while a token is rotated, 408, 429, 5xx); or
`errors.Refused`, for good. The token is read from its file for every request, because kubelet rotates it. HTTP is
`http.client`, with one connection that is kept; its import takes as long as all of the runner's, so a thread does it
while the user's module is imported and the function waits for its data. Limits: posts from one thread; proxy variables
are ignored, since the server is in the same cluster; redirects are refused; the time-out is for each wait, not for all.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

from upwell.errors import Refused
from upwell.pod.environment import Place

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

REQUEST_SECONDS = 10.0
FORK_SECONDS = 2.0
MAX_ANSWER_BYTES = 64 * 1024
RETRIED = frozenset({401, 408, 429})
FIRST_ERROR, FIRST_SERVER_ERROR, SUCCESS = 400, 500, range(200, 300)


class Later(Exception):  # noqa: N818 - not an error: an answer
    """Not now; `after` is what the server asked for, in seconds."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Transport:
    """Posts to the ingest URL of one run, or of the Job that several share."""

    def __init__(self, server: SplitResult, settings: Place) -> None:
        self._server = server
        self._path = f"{server.path.rstrip('/')}/v1/runs/{settings.run.namespace}/{settings.run.name}/events"
        self._token_file = settings.token_file
        self._connection: HTTPConnection | None = None
        _import_soon("http.client")

    def post(self, body: bytes) -> None:
        """Send one batch; returns once it is acknowledged. Raises Later and Refused."""
        from http.client import HTTPException  # noqa: PLC0415 - what takes long is imported by a thread

        try:
            response, content = self._exchange(body, self._headers())
        except (OSError, ValueError, HTTPException) as error:
            raise Later(f"{type(error).__name__}: {error}") from error
        if response.status not in SUCCESS:
            raise _verdict(response, content)

    def _headers(self) -> dict[str, str]:
        """Give the headers, with the token of this moment. Raises OSError, ValueError."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "upwell-runner"}
        if self._token_file:
            with open(self._token_file, encoding="ascii") as file:  # noqa: PTH123 - pathlib takes 8 ms to import
                headers["Authorization"] = f"Bearer {''.join(file.read().split())}"
        return headers

    def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
        """Ask over the connection that there is; if the server has closed it meanwhile, over a new one.

        An event may so be sent twice: the server knows its id.
        """
        connection = self._connection = self._connection or _connection(self._server)
        kept = connection.sock is not None
        try:
            return _asked(connection, self._path, body, headers)
        except ConnectionError:
            if not kept:
                raise
            return _asked(connection, self._path, body, headers)


def _import_soon(name: str) -> None:
    """Import a module in a thread; a fork waits for it, since the child would wait for ever for a lock of an import."""
    thread = Thread(target=import_module, args=(name,), name="upwell-import", daemon=True)
    thread.start()
    os.register_at_fork(before=lambda: thread.join(FORK_SECONDS))


def _connection(server: SplitResult) -> HTTPConnection:
    """Make a connection that is not open yet; https trusts what Python trusts."""
    from http import client  # noqa: PLC0415 - as above

    host = server.hostname or ""
    if server.scheme == "http":
        return client.HTTPConnection(host, server.port or client.HTTP_PORT, timeout=REQUEST_SECONDS)
    import ssl  # noqa: PLC0415 - inside a cluster the server is plain HTTP by default

    context = ssl.create_default_context()
    return client.HTTPSConnection(host, server.port or client.HTTPS_PORT, timeout=REQUEST_SECONDS, context=context)


def _asked(connection: HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
    """Send one request and read the answer; the connection stays open if nothing of it is left unread."""
    whole = False
    try:
        if connection.sock is None:
            connection.connect()
        with suppress(BrokenPipeError, ConnectionResetError):  # a server may refuse before it has read everything
            connection.request("POST", path, body, headers)
        with connection.getresponse() as response:
            content = response.read(MAX_ANSWER_BYTES)
            whole = response.isclosed()
        return response, content
    finally:
        if not whole:
            connection.close()


def _verdict(response: HTTPResponse, content: bytes) -> Exception:
    """Tell a refusal from a "not now"."""
    status, detail = response.status, _detail(response.status, content)
    if status in RETRIED or status >= FIRST_SERVER_ERROR:
        return Later(f"{status}: {detail}", _retry_after(response.headers.get("Retry-After", "")))
    if status < FIRST_ERROR:
        detail = f"it redirects to {response.headers.get('Location')}; UPWELL_SERVER must be its own URL"
    return Refused(status, detail)


def _detail(status: int, content: bytes) -> str:
    """Give the sentence of a problem document (RFC 9457), or the beginning of whatever was answered."""
    try:
        problem = json.loads(content)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, AttributeError, KeyError):
        return content[:300].decode(errors="replace").strip() or f"HTTP status {status}"


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
