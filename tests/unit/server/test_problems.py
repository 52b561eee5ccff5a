"""Every error of every route is a problem document, and the table of errors is complete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server_world import ALICE, START, World, a_store, a_world
from upwell_operator import errors
from upwell_operator.server import problems
from upwell_operator.server.app import openapi_document
from upwell_operator.settings import Settings
from upwell_operator.store import FellBehind


def _all_errors(base: type[errors.UpwellError] = errors.UpwellError) -> Iterator[type[errors.UpwellError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _all_errors(kind)


def test_every_error_of_the_tree_has_a_row() -> None:
    own = {kind for kind in _all_errors() if kind.__module__ == errors.__name__}
    assert own == set(problems.TABLE)


def test_an_error_of_a_room_above_is_answered_as_its_nearest_ancestor() -> None:
    assert problems.row_of(FellBehind("x")).status == 500


ERRORS: dict[str, tuple[Exception, int, str, str | None]] = {
    "store": (errors.StoreUnavailable("Redis is away", after=2.4), 503, "Redis is away", "2"),
    "cluster": (errors.ClusterUnavailable("slow down", after=0.1), 503, "slow down", "1"),
    "waiting": (errors.Waiting("later"), 503, "later", "5"),
    "stalled": (errors.Stalled("InvalidSpec", "set it"), 422, "set it", None),
    "rejected": (errors.Rejected("spec.key: no"), 422, "spec.key: no", None),
    "conflict": (errors.Conflict("changed"), 409, "changed", None),
    "exists": (errors.AlreadyExists("taken"), 409, "taken", None),
    "not found": (errors.NotFound("gone"), 404, "gone", None),
    "the server's rights": (
        errors.Forbidden("assets is forbidden"),
        503,
        "The server's own ServiceAccount may not",
        "30",
    ),
    "fenced": (errors.Fenced("newer"), 409, "newer", None),
    "ours, unknown": (errors.UpwellError("hm"), 500, "hm", None),
    "a bug": (KeyError("secret inside"), 500, "Upwell failed to answer; the server's log says why.", None),
}


@pytest.mark.parametrize(("error", "status", "detail", "after"), ERRORS.values(), ids=ERRORS)
async def test_an_error_of_the_cluster_is_answered_by_the_table(
    world: World, error: Exception, status: int, detail: str, after: str | None
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    world.cluster.list = fail  # type: ignore[assignment,method-assign]
    answer = await world.get("/v1/assets")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, after)
    assert detail in answer.json()["detail"]
    assert "secret" not in answer.text


async def test_every_route_answers_errors_in_the_shape_of_rfc_9457(world: World) -> None:
    for path, methods in openapi_document()["paths"].items():
        for method in methods:
            if path in {"/healthz", "/readyz", "/metrics"}:
                continue
            url = path.replace("{", "").replace("}", "")
            answer = await world.http.request(method, url)
            _check_shape(answer, url)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/v1/assets", 405)])
async def test_the_routers_own_refusals_are_problems_too(world: World, method: str, path: str, status: int) -> None:
    answer = await world.http.request(method, path)
    assert answer.status_code == status
    _check_shape(answer, path)


BAD_PARAMETERS = {
    "/v1/assets?limit=0": "query.limit: Input should be greater than or equal to 1.",
    "/v1/assets?limit=many": "query.limit: Input should be a valid integer",
    "/v1/assets?fresh=maybe": "query.fresh: String should match pattern '^(True|False|Unknown)$'.",
    "/v1/assets?namespace=../kube-system": "query.namespace: String should match pattern",
    "/v1/assets?cursor=!": "cursor: is none of this server's; start without one.",
    "/v1/assets/shop/UPPER": "path.name: String should match pattern",
    "/v1/assets/Shop/x/events": "path.namespace: String should match pattern",
    "/v1/assets/shop/raw-orders/events?cursor=zzz": "query.cursor: String should match pattern",
    "/v1/assets/shop/raw-orders/events?type=Nonsense": "query.type.0: Input should be 'observation', 'materialization'",
    "/v1/assets/shop/a//b/events": "name: must be names joined by single slashes",
    "/v1/assets/shop/%2e%2e%2f%2e%2e/events": "name: must be names joined by single slashes",
    "/v1/assets/shop/a%0d%0ab/events": "Not Found: ",
    "/v1/assets/shop/a%00b/events": "name: has control or invisible characters",
    "/v1/runs?cursor=zzz": "query.cursor: String should match pattern",
    "/v1/runs/shop/a%2fb": "Not Found: ",
}


@pytest.mark.parametrize(("path", "sentence"), BAD_PARAMETERS.items(), ids=BAD_PARAMETERS)
async def test_a_bad_parameter_is_named(world: World, path: str, sentence: str) -> None:
    answer = await world.get(path)
    assert 400 <= answer.status_code < 500
    assert sentence in answer.json()["detail"]


def _check_shape(answer: object, path: str) -> None:
    body = answer.json()  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    assert set(body) >= {"type", "title", "status", "detail", "instance"}
    assert (body["status"], body["instance"]) == (answer.status_code, path)  # type: ignore[attr-defined]
    assert body["type"].startswith("https://upwell.dev/problems/")
    assert body["detail"].endswith(".")


# ---- loopback without a token ---

LOOPBACK = Settings(anonymous=True)
FOREIGN = {
    "a name that resolves to us": {"Host": "evil.example:8080"},
    "a page of elsewhere": {"Host": "localhost:8080", "Origin": "https://evil.example"},
    "another port's page": {"Host": "localhost:8080", "Origin": "http://localhost:3000"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_page_is_refused_on_loopback(headers: dict[str, str]) -> None:
    async with a_world(LOOPBACK, a_store()) as world:
        answer = await world.http.post("/v1/assets/shop/raw-orders/observe", headers=headers)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (403, "foreign-origin")


async def test_our_own_page_is_served_on_loopback_without_a_token() -> None:
    async with a_world(LOOPBACK, a_store()) as world:
        headers = {"Origin": "http://localhost:8080"}
        assert (await world.http.post("/v1/assets/shop/raw-orders/observe", headers=headers)).status_code == 202
        assert (await world.http.get("/v1/assets")).status_code == 200


async def test_runs_need_their_token_on_loopback_too() -> None:
    async with a_world(LOOPBACK, a_store()) as world:
        assert (await world.report([], token="")).status_code == 401
        assert (await world.get("/v1/assets", token=ALICE)).status_code == 200
        assert world.clock[0] == START
