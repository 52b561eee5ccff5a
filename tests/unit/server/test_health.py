"""Liveness says that the loop turns; readiness says what is wrong, check by check."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from server_world import World
from upwell_operator import health
from upwell_operator.errors import StoreUnavailable
from upwell_operator.health import Check, create_health


async def _get(path: str, **checks: health.Callable[[], health.Awaitable[Check]]) -> httpx.Response:
    registry = CollectorRegistry()
    Counter("passes", "Passes.", registry=registry)
    transport = httpx.ASGITransport(create_health(checks, registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        return await http.get(path)


async def _well() -> Check:
    return Check(ok=True, message="watching")


async def _ill() -> Check:
    raise StoreUnavailable("Redis does not answer")


async def _stuck() -> Check:
    await asyncio.Event().wait()
    raise AssertionError


async def test_all_checks_well_is_ready() -> None:
    answer = await _get("/readyz", watch=_well)
    assert (answer.status_code, answer.json()["checks"]["watch"]) == (200, {"ok": True, "message": "watching"})


async def test_one_check_that_fails_is_not_ready_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)
    answer = await _get("/readyz", watch=_well, store=_ill, cluster=_stuck)
    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert checks["store"] == {"ok": False, "message": "StoreUnavailable: Redis does not answer"}
    assert checks["cluster"] == {"ok": False, "message": "no answer within 0.01 s"}
    assert checks["watch"]["ok"]


async def test_liveness_does_not_depend_on_checks() -> None:
    assert (await _get("/healthz", store=_ill)).status_code == 200


async def test_metrics_are_those_of_the_registry() -> None:
    assert "passes_total 0.0" in (await _get("/metrics")).text


async def test_the_server_is_ready_when_its_store_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await world.http.get("/readyz")).status_code == 200
    assert (await world.http.get("/healthz")).status_code == 200
    monkeypatch.setattr(world.store, "ping", _ill)
    assert (await world.http.get("/readyz")).status_code == 503
