"""Calls to an API server: what a bad line, a slow answer and an old token become."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from upwell_operator.cluster.kube import KubeCluster
from upwell_operator.cluster.rest import Request, Rest
from upwell_operator.errors import ClusterUnavailable, Forbidden, NotFound

GET = Request("GET", "/api/v1/namespaces/shop/pods/x", "get pods shop/x")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """An API server that answers what a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[web.Response | Handler] = []
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.host = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if self.answers else web.json_response({})
        return answer if isinstance(answer, web.Response) else await answer(request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    here = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", here.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield here
    await runner.cleanup()


@pytest.fixture
async def rest(server: Server) -> AsyncIterator[Rest]:
    made = Rest(Configuration(host=server.host))
    yield made
    await made.close()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    nobody = Rest(Configuration(host="http://127.0.0.1:1"))
    with pytest.raises(ClusterUnavailable, match=r"cannot get pods shop/x: .*127\.0\.0\.1:1 cannot be reached"):
        await nobody.call(GET)
    await nobody.close()


async def test_a_server_that_hangs_up_is_unavailable(server: Server, rest: Rest) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answers = [hang_up, hang_up, hang_up]
    with pytest.raises(ClusterUnavailable, match="cannot be reached"):
        await rest.call(GET)


async def test_a_server_that_does_not_answer_is_unavailable_after_a_bounded_time(server: Server, rest: Rest) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    server.answers = [never]
    rest._timeout = aiohttp.ClientTimeout(total=0.05)
    with pytest.raises(ClusterUnavailable, match="did not answer in time"):
        await rest.call(GET)


async def test_an_old_token_is_read_again_once(server: Server) -> None:
    configuration = Configuration(host=server.host)
    configuration.api_key["BearerToken"] = "Bearer old"

    async def reload() -> None:
        configuration.api_key["BearerToken"] = "Bearer new"

    rest = Rest(configuration, reload)
    server.answers = [web.json_response({}, status=401), web.json_response({"kind": "Pod"})]
    assert await rest.call(GET) == {"kind": "Pod"}
    assert [request.headers["Authorization"] for request in server.asked] == ["Bearer old", "Bearer new"]
    server.answers = [web.json_response({}, status=401)]
    with pytest.raises(Forbidden, match="expired"):
        await rest.call(GET)
    await rest.close()


@pytest.mark.parametrize(
    ("host", "proxy"),
    {
        "through the proxy": ("https://api.example.com:6443", "http://proxy:3128"),
        "named as direct": ("https://10.96.0.1", None),
        "no proxy for this scheme": ("http://api.example.com", None),
    }.values(),
)
def test_the_proxy_of_the_environment_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, host: str, proxy: str | None
) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "10.96.0.1")
    rest = Rest(Configuration(host=host))
    monkeypatch.delenv("https_proxy")
    assert rest._configuration.proxy == proxy
    assert rest._configuration.client_session_kwargs == {"trust_env": False}


async def test_calls_in_flight_are_bounded(server: Server) -> None:
    going, most = 0, 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.01)
        going -= 1
        return web.json_response({})

    rest = Rest(Configuration(host=server.host), concurrency=4)
    server.answers = [count] * 20
    await asyncio.gather(*(rest.call(GET) for _ in range(20)))
    await rest.close()
    assert most <= 4


async def test_of_a_log_only_the_end_is_kept(server: Server, rest: Rest) -> None:
    server.answers = [web.Response(text="x" * 200_000 + "the end")]
    assert await KubeCluster(rest).pod_log("shop", "x", tail_bytes=10) == "xxxthe end"
    assert server.asked[0].query["container"] == "run"


async def test_a_patch_says_that_it_is_a_merge_patch(server: Server, rest: Rest) -> None:
    await KubeCluster(rest).patch("jobs", "shop", "x", {"metadata": {"labels": {"a": None}}})
    assert server.asked[0].content_type == "application/merge-patch+json"
    assert server.bodies == [b'{"metadata": {"labels": {"a": null}}}']


async def test_a_list_whose_token_expires_begins_anew(server: Server, rest: Rest) -> None:
    def page(name: str, version: str, more: str) -> web.Response:
        item = {"metadata": {"name": name, "managedFields": [{}]}}
        return web.json_response({"metadata": {"resourceVersion": version, "continue": more}, "items": [item]})

    expired = web.json_response({"reason": "Expired"}, status=410)
    server.answers = [page("a", "1", "t"), expired, page("b", "2", "t"), page("c", "2", "")]
    listed = await KubeCluster(rest).list("pods", "shop")
    assert [item["metadata"] for item in listed.items] == [{"name": "b"}, {"name": "c"}]
    assert (listed.resource_version, listed.items[0]["kind"]) == ("2", "Pod")


async def test_a_list_that_expires_again_and_again_is_unavailable(server: Server, rest: Rest) -> None:
    def answers() -> list[Any]:
        first = {"metadata": {"resourceVersion": "1", "continue": "t"}, "items": []}
        return [web.json_response(first), web.json_response({}, status=410)]

    server.answers = [answer for _ in range(3) for answer in answers()]
    with pytest.raises(ClusterUnavailable, match="longer"):
        await KubeCluster(rest).list("pods")


async def test_an_event_that_is_refused_is_logged(server: Server, rest: Rest, caplog: pytest.LogCaptureFixture) -> None:
    server.answers = [web.json_response({"message": "no"}, status=403)]
    obj = {"kind": "Asset", "metadata": {"namespace": "shop", "name": "raw"}}
    await KubeCluster(rest).post_event(obj, reason="RunFailed", message="it failed")
    assert "RunFailed was not posted" in caplog.text


async def test_without_any_configuration_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from upwell_operator.cluster.connect import connect  # noqa: PLC0415

    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(NotFound, match="pass --kubeconfig"):
        await connect()


def test_the_generated_models_are_not_loaded() -> None:
    code = (
        "import sys, upwell_operator.cluster.connect as c; print([m for m in sys.modules if 'aio.client.models.' in m])"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[]"
