"""A replica of the operator: what it does before, while and after it holds the Lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock

import kopf
import pytest
from prometheus_client import CollectorRegistry

from reconcile_objects import NAMESPACE, a_source
from reconcile_world import Bench, until
from upwell_operator.cluster.events import micro_time
from upwell_operator.errors import ClusterUnavailable, Fenced, StoreUnavailable
from upwell_operator.handlers import main as rooms
from upwell_operator.handlers.ears import DeafError, Ears
from upwell_operator.handlers.main import LeaseLostError, Operator, run_operator
from upwell_operator.health import Checks
from upwell_operator.settings import Settings
from upwell_operator.store import feed

SETTINGS = Settings(lease_seconds=3, lease_namespace=NAMESPACE)


@pytest.fixture(autouse=True)
def _without_kopf(monkeypatch: pytest.MonkeyPatch) -> None:
    async def operator(**options: Any) -> None:
        while not options["stop_flag"].is_set():  # noqa: ASYNC110 -- what kopf does with a threading.Event
            await asyncio.sleep(0.005)

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr(feed, "BLOCK_SECONDS", 0.1)


class Page:
    """What serves checks and metrics."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, checks: Checks, registry: CollectorRegistry) -> None:
        self.checks, self.registry = checks, registry
        self.up.set()
        if self.error:
            raise self.error
        await asyncio.Event().wait()

    async def says(self, check: str) -> tuple[bool, str]:
        found = await self.checks[check]()
        return found.ok, found.message

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.apply(a_source("raw"))
    return bench


@contextlib.asynccontextmanager
async def a_replica(bench: Bench, settings: Settings = SETTINGS) -> AsyncIterator[tuple[Operator, Page, Any]]:
    """Run a replica while the block lasts; SIGTERM ends it unless it has ended."""
    page = Page()
    operator = Operator(bench.cluster, bench.store, settings)
    life = asyncio.ensure_future(operator.run(page))
    await page.up.wait()
    try:
        yield operator, page, life
    finally:
        if not life.done():
            os.kill(os.getpid(), signal.SIGTERM)
        with contextlib.suppress(LeaseLostError):
            await life


def ears_that_tell(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Have ears hear nothing; give an event that is set when they begin."""
    listening = asyncio.Event()

    async def listen(_: Ears) -> None:
        listening.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Ears, "listen", listen)
    return listening


async def leases(bench: Bench, **spec: str) -> None:
    """Have somebody write fields of the Lease."""
    found = await bench.cluster.get("leases", NAMESPACE, SETTINGS.lease_name)
    await bench.cluster.update("leases", {**found, "spec": {**found["spec"], **spec}})


async def held_by(bench: Bench, holder: str) -> None:
    """Have somebody else hold the Lease."""
    meta = {"name": SETTINGS.lease_name, "namespace": NAMESPACE}
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 60, "leaseTransitions": 4}
    await bench.cluster.create("leases", {"metadata": meta, "spec": spec})


@contextlib.asynccontextmanager
async def a_standby(bench: Bench, holder: str = "other", settings: Settings = SETTINGS) -> AsyncIterator[Any]:
    """Run a replica while the block lasts, as `a_replica` does, that knows somebody else to hold the Lease."""
    await held_by(bench, holder)
    async with a_replica(bench, settings) as (operator, page, life):
        await until(lambda: operator._leadership.holder, "it knows who leads")
        yield operator, page, life


async def lease(bench: Bench) -> dict[str, Any]:
    return (await bench.cluster.get("leases", NAMESPACE, SETTINGS.lease_name))["spec"]


async def ready(bench: Bench) -> bool:
    return await bench.condition("raw", "Ready") == ("True", "Ready")


async def test_whoever_holds_the_lease_works_with_an_epoch_of_his_own(bench: Bench) -> None:
    async with a_replica(bench) as (_, page, _):
        await until(lambda: ready(bench), "raw has a status")
        assert bench.store.epoch == 1
        assert (await lease(bench))["holderIdentity"]
        assert await page.says("leader") == (True, "leads")


async def test_the_lease_is_given_back_at_the_end(bench: Bench) -> None:
    async with a_replica(bench):
        await until(lambda: ready(bench), "raw has a status")
    assert (await lease(bench))["holderIdentity"] == ""


async def test_nothing_is_decided_before_the_lease_is_held_although_all_is_heard(bench: Bench) -> None:
    async with a_standby(bench) as (operator, page, _):
        operator._mind.hear("assets", "ADDED", await bench.cluster.get("assets", NAMESPACE, "raw"))
        assert len(operator._mind.world.graph) == 1
        assert await page.says("leader") == (True, "stands by for other")
        assert page.value("leader_election_master_status") == 0
        assert page.value("workqueue_depth") == 1
        assert bench.cluster.written == []
        await leases(bench, holderIdentity="")
        await until(lambda: ready(bench), "raw has a status")
        assert bench.store.epoch == 5


async def test_a_container_that_starts_again_in_its_pod_takes_its_lease_back_at_once(bench: Bench) -> None:
    settings = SETTINGS.model_copy(update={"pod_uid": "4a3f"})
    await held_by(bench, f"{socket.gethostname()}_4a3f")
    async with a_replica(bench, settings):
        await until(lambda: ready(bench), "raw has a status", seconds=SETTINGS.lease_seconds / 2)
        assert bench.store.epoch == 5, "what its earlier life still had on its way to the store is fenced off"


async def test_another_pod_of_the_same_name_waits(bench: Bench) -> None:
    settings = SETTINGS.model_copy(update={"pod_uid": "77c1"})
    async with a_standby(bench, f"{socket.gethostname()}_4a3f", settings) as (_, page, _):
        assert await page.says("leader") == (True, f"stands by for {socket.gethostname()}_4a3f")


async def test_a_standby_looks_and_listens_while_another_one_is_seen_to_lead(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = ears_that_tell(monkeypatch)
    async with a_standby(bench) as (operator, _, _):
        await leases(bench, renewTime=micro_time())
        await asyncio.wait_for(listening.wait(), 5)
        assert len(operator._mind.world.graph) == 1
        assert not operator._mind.planned.is_set()


async def test_whoever_waits_for_the_lease_of_a_dead_one_does_not_listen_yet(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = ears_that_tell(monkeypatch)
    async with a_standby(bench) as (operator, _, _):
        await asyncio.wait_for(operator._mind.looked.wait(), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listening.wait(), 3 * rooms.LISTEN_CHECK_SECONDS)


async def test_a_standby_need_not_look_when_its_turn_comes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_standby(bench) as (operator, _, _):
        await asyncio.wait_for(operator._mind.looked.wait(), 5)
        monkeypatch.setattr(bench.cluster, "list", AsyncMock(side_effect=AssertionError("listed once more")))
        await leases(bench, holderIdentity="")
        await until(lambda: ready(bench), "raw has a status")


async def test_whoever_holds_the_lease_looks_first_and_listens_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening, shown, read = ears_that_tell(monkeypatch), asyncio.Event(), bench.cluster.list

    async def hidden(*args: Any, **options: Any) -> Any:
        await shown.wait()
        return await read(*args, **options)

    monkeypatch.setattr(bench.cluster, "list", hidden)
    async with a_replica(bench) as (_, page, _):
        await until(lambda: page.value("leader_election_master_status"), "it leads")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listening.wait(), 3 * rooms.LISTEN_CHECK_SECONDS)
        shown.set()
        await asyncio.wait_for(listening.wait(), 5)


async def test_a_standby_ends_at_once(bench: Bench) -> None:
    async with a_standby(bench):
        begun = time.monotonic()
    assert time.monotonic() - begun < rooms.DRAIN_SECONDS / 2


async def test_without_election_every_replica_acts(bench: Bench) -> None:
    async with a_replica(bench, SETTINGS.model_copy(update={"leader_election": False})) as (_, page, _):
        await until(lambda: ready(bench), "raw has a status")
        assert await page.says("leader") == (True, "no election: every replica acts")
    assert bench.store.epoch is None


async def test_whoever_loses_the_lease_ends(bench: Bench) -> None:
    async with a_replica(bench) as (_, _, life):
        await until(lambda: ready(bench), "raw has a status")
        await leases(bench, holderIdentity="other")
        with pytest.raises(LeaseLostError, match="another operator leads now"):
            await life


async def test_the_end_of_any_part_is_the_end_of_all(bench: Bench) -> None:
    page = Page()
    page.error = OSError("port 8080 is taken")
    with pytest.raises(OSError, match="port 8080"):
        await Operator(bench.cluster, bench.store, SETTINGS).run(page)


async def test_whoever_is_deaf_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def operator(**_: Any) -> None:
        raise PermissionError("forbidden")

    monkeypatch.setattr(kopf, "operator", operator)
    with pytest.raises(DeafError):
        await Operator(bench.cluster, bench.store, SETTINGS).run(Page())


# ---------------------------------------------------------------- epochs


async def test_a_store_that_is_away_keeps_nobody_from_leading_and_gives_an_epoch_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rooms, "EPOCH_RETRY_SECONDS", 0.02)
    bench.redis.connected = False
    async with a_replica(bench):
        await until(lambda: ready(bench), "raw has a status")
        assert bench.store.epoch is None
        bench.redis.connected = True
        await until(lambda: bench.store.epoch, "it has an epoch")
    assert any("no fencing epoch yet" in line for line in caplog.messages)


async def test_whoever_finds_a_newer_one_when_he_takes_his_epoch_late_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "EPOCH_RETRY_SECONDS", 0.02)
    answers: list[Exception] = [StoreUnavailable("away"), StoreUnavailable("away"), Fenced("epoch 9 writes now")]

    async def raise_epoch(_: int) -> None:
        raise answers.pop(0)

    monkeypatch.setattr(bench.store, "raise_epoch", raise_epoch)
    async with a_replica(bench) as (_, _, life):
        with pytest.raises(LeaseLostError):
            await asyncio.wait_for(life, 10)


async def test_whoever_is_fenced_off_ends(bench: Bench) -> None:
    page, operator = Page(), Operator(bench.cluster, bench.store, SETTINGS)
    life = asyncio.ensure_future(operator.run(page))
    await until(lambda: ready(bench), "raw has a status")
    ours = bench.store.epoch
    await bench.store.raise_epoch()
    bench.store.epoch = ours
    await bench.request("raw", "t1")
    operator._mind.hear("assets", "MODIFIED", await bench.cluster.get("assets", NAMESPACE, "raw"))
    with pytest.raises(Fenced):
        await asyncio.wait_for(life, 10)


# ---------------------------------------------------------------- the page


async def test_the_page_says_how_store_and_watches_are(bench: Bench) -> None:
    async with a_replica(bench) as (_, page, _):
        await until(lambda: ready(bench), "raw has a status")
        assert await page.says("store") == (True, "answers")
        assert (await page.says("watch-assets"))[0]
        assert set(page.checks) == {
            "leader", "store", "watch-assets", "watch-observationjobs", "watch-schedules", "watch-jobs"
        }  # fmt: skip
        bench.redis.connected = False
        with pytest.raises(StoreUnavailable):
            await page.says("store")
        bench.redis.connected = True


async def test_the_metrics_count_what_is_known(bench: Bench) -> None:
    async with a_replica(bench) as (_, page, _):
        await until(lambda: ready(bench), "raw has a status")
        assert page.value("upwell_assets") == 1
        assert page.value("upwell_store_reachable") == 1
        assert page.value("leader_election_master_status") == 1
        assert page.value("upwell_state_rebuilt") == 0
        never = {"namespace": "shop", "kind": "Source", "status": "Unknown", "reason": "NeverObserved"}
        assert page.registry.get_sample_value("upwell_assets_by_freshness", never) == 1


# ---------------------------------------------------------------- the process


async def test_the_process_closes_what_it_opened_whatever_ended_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    closed = []

    async def close() -> None:
        closed.append("cluster")

    async def connect(*_: object, **__: object) -> Any:
        bench.cluster.close = close  # type: ignore[attr-defined]
        return bench.cluster

    async def serve(*_: object) -> None:
        raise ClusterUnavailable("nothing to serve on")

    monkeypatch.setattr(rooms, "connect", connect)
    monkeypatch.setattr(rooms, "Store", lambda _: bench.store)
    with pytest.raises(ClusterUnavailable):
        await run_operator(SETTINGS, serve)
    assert closed == ["cluster", "cluster"], "that of the mind, and that of the Lease"
