"""One HTTP call to the API server, in plain dicts: what lies under every verb of `kube.KubeCluster`.

This and `connect` are the only modules that import `kubernetes`. They take from it what is hard (kubeconfig, exec
plugins, tokens that are renewed, TLS, proxies) and leave the generated models alone: touching one costs 25 MB.
Every call is bounded in time, and calls in flight are bounded in number; waiting for a turn does not count as time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from upwell_operator.cluster.failures import failure
from upwell_operator.errors import ClusterUnavailable

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
TIMEOUT, CONNECT_TIMEOUT = 30.0, 5.0
CONCURRENCY = 64
"""Calls in flight; more make a single API server no faster."""
RELOAD_SECONDS = 10.0
"""Refused credentials are read again at most this often."""

Reload = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One call; `doing` says in an error what was tried, as in "create jobs shop/raw-orders"."""

    method: str
    path: str
    doing: str
    query: Mapping[str, object] | None = None
    body: Any = None

    def url(self, host: str) -> str:
        """Give the address, without the parameters that are empty."""
        query = encoded(tuple(self.query.items())) if self.query else ""
        return f"{host}{self.path}{'?' if query else ''}{query}"

    @property
    def headers(self) -> dict[str, str]:
        """Say what we send, and that we read JSON, or the plain text of a log."""
        return {"Accept": f"{JSON}, */*", "Content-Type": MERGE_PATCH if self.method == "PATCH" else JSON}


@lru_cache(256)
def encoded(query: tuple[tuple[str, object], ...]) -> str:
    """Write a query string without the parameters that are empty; most calls have one of a few."""
    return urlencode([(name, value) for name, value in query if value])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def failed(self) -> bool:
        """Say whether it is a refusal."""
        return self.status >= HTTPStatus.BAD_REQUEST


class Rest:
    """A connection pool to one API server.

    `configuration` is what a kubeconfig or a pod's own account gave; `reload` reads it again when a token is refused.
    """

    def __init__(
        self, configuration: Configuration, reload: Reload | None = None, *, concurrency: int = CONCURRENCY
    ) -> None:
        self._configuration = configuration
        self._configuration.connection_pool_maxsize = concurrency
        # aiohttp would look for proxies and ~/.netrc in a thread at every call, which costs more than the call itself
        self._configuration.client_session_kwargs = {"trust_env": False}
        self._configuration.proxy = configuration.proxy or environment_proxy(configuration.host)
        self._client: Any = RESTClientObject(configuration)
        self._turn = asyncio.Semaphore(concurrency)
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=CONNECT_TIMEOUT)
        self._reload = reload
        self._reloaded_at = float("-inf")

    async def call(self, request: Request) -> dict[str, Any]:
        """Call, and give the answer's JSON; raises an error of `errors.py` that begins with "cannot {doing}"."""
        answer: dict[str, Any] = json.loads((await self._answer(request)).body)
        return answer

    async def tail(self, request: Request, size: int) -> bytes:
        """Give the last `size` bytes of a text answer, holding no more than that; raises as `call` does."""
        return (await self._answer(request, size)).body

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _answer(self, request: Request, keep: int = 0) -> Answer:
        answer = await self._send(request, keep)
        if answer.status == HTTPStatus.UNAUTHORIZED and await self._renew():
            answer = await self._send(request, keep)
        if answer.failed:
            raise failure(answer.status, answer.headers, answer.body, request.doing)
        return answer

    async def _send(self, request: Request, keep: int) -> Answer:
        async with self._turn:
            try:
                return await self._exchange(request, keep)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                why = _why(error, self._configuration.host)
                raise ClusterUnavailable(f"cannot {request.doing}: {why}") from error

    async def _exchange(self, request: Request, keep: int) -> Answer:
        headers = {**request.headers, **await self._credentials()}
        url = request.url(self._configuration.host)
        sent = await self._client.request(request.method, url, headers, request.body, _request_timeout=self._timeout)
        async with sent.response as response:
            body = await (_last(response, keep) if keep else response.read())
        return Answer(response.status, response.headers, body)

    async def _credentials(self) -> dict[str, str]:
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token} if token else {}

    async def _renew(self) -> bool:
        now = time.monotonic()
        if self._reload is None or now - self._reloaded_at < RELOAD_SECONDS:
            return False
        self._reloaded_at = now
        await self._reload()
        return True


def environment_proxy(host: str) -> str | None:
    """Give the proxy that the environment names for an address (HTTPS_PROXY, NO_PROXY); None to go there directly."""
    url = urlsplit(host)
    return None if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme)


async def _last(response: aiohttp.ClientResponse, size: int) -> bytes:
    kept = b""
    async for chunk in response.content.iter_chunked(65536):
        kept = (kept + chunk)[-size:]
    return kept


def _why(error: BaseException, host: str) -> str:
    if isinstance(error, TimeoutError):
        return f"the API server at {host} did not answer in time"
    return f"the API server at {host} cannot be reached ({str(error) or type(error).__name__})"
