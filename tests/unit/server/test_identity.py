"""Tokens and rights: asked once, believed briefly, and never by an error's leave."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta

import pytest

from server_world import ALICE, AUDIENCE, NAMESPACE, POD, START, PeopleCluster, World, an_event
from upwell_operator.cluster.port import Caller
from upwell_operator.errors import ClusterUnavailable, UpwellError
from upwell_operator.server.app import create_app
from upwell_operator.server.cached import Cached
from upwell_operator.server.identity import API_SERVER, Identity, bearer, expiry
from upwell_operator.server.people import ANONYMOUS, Rights, is_loopback
from upwell_operator.server.problems import Problem
from upwell_operator.settings import Settings


def a_jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"header.{payload}.signature"


class SlowCluster(PeopleCluster):
    """Answers when told to."""

    gate: asyncio.Event

    async def review_token(self, token: str, audience: str) -> Caller | None:
        await self.gate.wait()
        return await super().review_token(token, audience)


async def test_many_reports_at_once_with_one_token_ask_once() -> None:
    cluster = SlowCluster(lambda: START)
    cluster.gate = asyncio.Event()
    identity = Identity(cluster, lambda: START)
    asked = [asyncio.create_task(identity.of(ALICE, API_SERVER)) for _ in range(50)]
    await asyncio.sleep(0)
    asked[0].cancel()
    cluster.gate.set()
    await asyncio.gather(*asked[1:])
    assert cluster.reviews == 1


async def test_an_answer_is_believed_for_a_minute_and_no_longer(world: World) -> None:
    identity = Identity(world.cluster, lambda: world.clock[0])
    await identity.of(ALICE, API_SERVER)
    world.clock[0] += timedelta(seconds=59)
    await identity.of(ALICE, API_SERVER)
    assert world.cluster.reviews == 1
    del world.cluster.people[ALICE]
    world.clock[0] += timedelta(seconds=2)
    with pytest.raises(Problem):
        await identity.of(ALICE, API_SERVER)


async def test_a_token_is_not_believed_beyond_its_own_end(world: World) -> None:
    token = a_jwt(exp=START.timestamp() + 10)
    world.cluster.people[token] = Caller("bob")
    identity = Identity(world.cluster, lambda: world.clock[0])
    await identity.of(token, API_SERVER)
    world.clock[0] += timedelta(seconds=11)
    await identity.of(token, API_SERVER)
    assert world.cluster.reviews == 2


async def test_a_refusal_is_remembered_for_seconds(world: World) -> None:
    identity = Identity(world.cluster, lambda: world.clock[0])
    for _ in range(3):
        with pytest.raises(Problem):
            await identity.of("bad", API_SERVER)
    assert world.cluster.reviews == 1
    world.clock[0] += timedelta(seconds=6)
    with pytest.raises(Problem):
        await identity.of("bad", API_SERVER)
    assert world.cluster.reviews == 2


async def test_an_api_server_that_does_not_answer_is_no_refusal(world: World) -> None:
    async def down(token: str, audience: str) -> Caller | None:
        raise ClusterUnavailable("the API server does not answer")

    world.cluster.review_token = down  # type: ignore[method-assign]
    answer = await world.report([an_event()])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    del world.cluster.review_token
    assert (await world.report([an_event()])).status_code == 200


async def test_a_cache_never_holds_more_than_its_size() -> None:
    cache: Cached[int, int] = Cached(3, lambda: 0.0)

    async def load(value: int) -> tuple[int, float]:
        return value, 1.0

    for number in range(10):
        assert await cache.get(number, lambda number=number: load(number)) == number  # type: ignore[misc]
    assert len(cache) == 3


EXPIRIES = {
    "opaque": "abc",
    "no exp": a_jwt(sub="x"),
    "not base64": "a.%%%.c",
    "exp is text": a_jwt(exp="soon"),
    "a list": "a.W10.c",
}


@pytest.mark.parametrize("token", EXPIRIES.values(), ids=EXPIRIES)
def test_what_names_no_end_has_none(token: str) -> None:
    assert expiry(token) == float("inf")


def test_the_end_of_a_jwt_is_read() -> None:
    assert expiry(a_jwt(exp=12)) == 12.0


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer " + "x" * 20_000])
def test_a_header_without_a_token_is_401(header: str | None) -> None:
    with pytest.raises(Problem) as caught:
        bearer(header)
    assert caught.value.status == 401


# ---- rights ---

RIGHTS = {
    "GET /v1/assets": ("list", "assets", ""),
    "GET /v1/assets?namespace=shop": ("list", "assets", "shop"),
    "GET /v1/assets/shop/raw-orders": ("get", "assets", "shop"),
    "GET /v1/assets/shop/raw-orders/events": ("get", "assets", "shop"),
    "GET /v1/assets/shop/raw-orders/versions": ("get", "assets", "shop"),
    "GET /v1/assets/shop/raw-orders/built-from?version=v1": ("get", "assets", "shop"),
    "GET /v1/assets/shop/raw-orders/decisions": ("get", "assets", "shop"),
    "GET /v1/observation-jobs": ("list", "observationjobs", ""),
    "GET /v1/observation-jobs/shop/x/decisions": ("get", "observationjobs", "shop"),
    "GET /v1/schedules": ("list", "schedules", ""),
    "GET /v1/schedules/shop/x/decisions": ("get", "schedules", "shop"),
    "GET /v1/graph": ("list", "assets", ""),
    "GET /v1/runs": ("list", "assets", ""),
    "GET /v1/runs/shop/raw-orders-1a2b3c4d5e6f": ("get", "assets", "shop"),
    "GET /v1/runs/shop/raw-orders-1a2b3c4d5e6f/log": ("get", "assets/log", "shop"),
    "GET /v1/stream": ("watch", "assets", ""),
    "POST /v1/assets/shop/raw-orders/observe": ("patch", "assets", "shop"),
    "POST /v1/assets/shop/raw-orders/materialize": ("patch", "assets", "shop"),
    "POST /v1/assets/shop/raw-orders/quarantine?version=v1": ("patch", "assets", "shop"),
    "POST /v1/assets/shop/raw-orders/release?version=v1": ("patch", "assets", "shop"),
    "POST /v1/assets/shop/raw-orders/events": ("update", "assets/events", "shop"),
    "POST /v1/observation-jobs/shop/x/run": ("patch", "observationjobs", "shop"),
}


@pytest.mark.parametrize(("route", "right"), RIGHTS.items(), ids=RIGHTS)
async def test_every_route_of_people_asks_for_its_right(world: World, route: str, right: tuple[str, str, str]) -> None:
    method, path = route.split(" ")
    verb, resource, namespace = right
    assert (await world.http.request(method, path)).status_code == 401
    assert (await world.http.request(method, path, headers={"Authorization": "Bearer bad"})).status_code == 401
    world.cluster.denied.add((verb, resource))
    answer = await world.http.request(method, path, headers={"Authorization": f"Bearer {ALICE}"})
    assert answer.status_code == 403
    assert f"alice may not {verb} {resource} (API group upwell.dev)" in answer.json()["detail"]
    assert world.cluster.asked[-1][:4] == ("alice", verb, resource, namespace)


async def test_a_pods_token_opens_no_route_of_people(world: World) -> None:
    assert (await world.get("/v1/assets", token=world.token)).status_code == 401


async def test_a_persons_token_with_a_pod_opens_no_run(world: World) -> None:
    world.cluster.people["sa"] = Caller("sa", namespace=NAMESPACE, pod=POD, pod_uid="x")
    assert (await world.report([an_event()], token="sa")).status_code == 401  # noqa: S106 - a name


async def test_a_right_is_asked_again_after_seconds(world: World) -> None:
    rights = Rights(world.cluster, lambda: world.clock[0])
    alice = world.cluster.people[ALICE]
    for _ in range(3):
        await rights.demand(alice, "get", "assets", NAMESPACE, "x")
    assert len(world.cluster.asked) == 1
    world.clock[0] += timedelta(seconds=11)
    world.cluster.denied.add(("get", "assets"))
    with pytest.raises(Problem):
        await rights.demand(alice, "get", "assets", NAMESPACE, "x")


async def test_whoever_sits_at_the_machine_is_not_asked(world: World) -> None:
    await Rights(world.cluster, lambda: START).demand(ANONYMOUS, "patch", "assets", NAMESPACE)
    assert world.cluster.asked == []


# ---- loopback ---

HOSTS = {
    "127.0.0.1": True,
    "127.9.9.9": True,
    "::1": True,
    "[::1]": True,
    "localhost": True,
    "a.localhost": True,
    "0.0.0.0": False,  # noqa: S104 - only looked at
    "::": False,
    "10.0.0.1": False,
    "example.com": False,
    "localhost.example.com": False,
    "": False,
}


@pytest.mark.parametrize(("host", "loopback"), HOSTS.items(), ids=HOSTS)
def test_what_can_only_be_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_url_without_a_host_is_not_this_machine() -> None:
    assert not is_loopback(None)


def test_anonymous_on_a_public_address_is_refused_at_the_start(world: World) -> None:
    with pytest.raises(UpwellError, match=r"bind='0\.0\.0\.0' would let everybody on the network in; bind to 127"):
        create_app(world.cluster, world.store, Settings(anonymous=True, bind="0.0.0.0"))  # noqa: S104 - refused


def test_pods_audience_is_the_settings(world: World) -> None:
    assert Settings().audience == AUDIENCE
