"""The server's HTTP API, as the verbs of people use it.

Resources come back in Kubernetes' own shape, events and runs in the wire format; every refusal is a `CommandError`
whose text is the server's own sentence (RFC 9457 `detail`) and whose code is what the process will end with.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection

Object = dict[str, Any]
PAGE = 1000
"""Items asked for at once; what the server allows."""

_CODES = {401: Code.NOT_ALLOWED, 403: Code.NOT_ALLOWED, 404: Code.NOT_FOUND, 400: Code.USAGE, 422: Code.USAGE}


class Api:
    """Verbs over HTTP. Every one raises CommandError when the server refuses or cannot be reached."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **query: object) -> Object:
        """Give the JSON of a path; parameters that are None are left out."""
        return self._json(await self._send("GET", path, query))

    async def post(self, path: str, **query: object) -> Object:
        """Post to a path and give the JSON of the answer; parameters that are None are left out."""
        return self._json(await self._send("POST", path, query, {}))

    async def text(self, path: str) -> str:
        """Give a path's text, such as a log."""
        return (await self._send("GET", path, {})).text

    async def pages(self, path: str, limit: int | None = None, **query: object) -> list[Object]:
        """Give up to `limit` items of a list (None: all of them), following its cursors."""
        items: list[Object] = []
        cursor: object = None
        while limit is None or len(items) < limit:
            size = PAGE if limit is None else min(limit - len(items), PAGE)
            page = await self.get(path, limit=size, cursor=cursor, **query)
            items += page["items"]
            cursor = (page.get("metadata") or {}).get("continue")
            if not cursor:
                break
        return items

    async def _send(
        self, method: str, path: str, query: dict[str, object], body: Object | None = None
    ) -> httpx.Response:
        params = {name: _text(value) for name, value in query.items() if value is not None}
        try:
            answer = await self._http.request(method, path, params=params, json=body)
        except httpx.TransportError as error:
            raise CommandError(
                f"no answer from {self._http.base_url}: {str(error) or type(error).__name__}; "
                "start `upwell dev`, or name the server with --server or UPWELL_SERVER",
            ) from error
        if answer.is_error:
            raise refusal(answer)
        return answer

    @staticmethod
    def _json(answer: httpx.Response) -> Object:
        try:
            found = answer.json()
        except ValueError as error:
            raise CommandError(f"{answer.url} does not answer in JSON; is it Upwell's server?") from error
        if not isinstance(found, dict):
            raise CommandError(
                f"{answer.url} answers with {type(found).__name__}, not an object; is it Upwell's server?"
            )
        return found


def _text(value: object) -> str | list[str]:
    """Give a parameter's text; a list is a parameter that is repeated."""
    return [str(one) for one in value] if isinstance(value, list) else str(value)


def refusal(answer: httpx.Response) -> CommandError:
    """Turn an error answer into the sentence that its problem details carry, and the exit code."""
    code = _CODES.get(answer.status_code, Code.FAILED)
    try:
        problem = answer.json()
        sentence = problem["detail"]
    except (ValueError, KeyError, TypeError):
        sentence = f"{answer.request.method} {answer.url}: {answer.status_code} {answer.reason_phrase}"
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        sentence = f"{sentence} (give a token with --token-file or UPWELL_TOKEN_FILE)"
    return CommandError(str(sentence), code)


@asynccontextmanager
async def connect(to: Connection, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Api]:
    """Open a connection to the server. Raises CommandError when the token file cannot be read."""
    async with httpx.AsyncClient(base_url=to.server, headers=_headers(to), timeout=30, transport=transport) as http:
        yield Api(http)


def _headers(to: Connection) -> dict[str, str]:
    if to.token_file is None:
        return {}
    try:
        return {"Authorization": f"Bearer {to.token_file.read_text(encoding='utf8').strip()}"}
    except OSError as error:
        raise CommandError(
            f"the token file cannot be read: {error}; name another with --token-file", Code.USAGE
        ) from error
