"""The loop: how it begins, what it hears, what it does when the store or the API server goes away, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reconcile_objects import NAMESPACE, a_derived, a_source
from reconcile_world import Bench, until
from upwell_operator.domain.snapshot import Ref
from upwell_operator.errors import ClusterUnavailable, Fenced, Forbidden, StoreUnavailable
from upwell_operator.reconcile import reconciler as rooms
from upwell_operator.reconcile.queue import Key
from upwell_operator.store import feed


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(feed, "BLOCK_SECONDS", 0.1)


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.apply(a_source("raw"), a_derived("clean", "raw"))
    return bench


@contextlib.asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[asyncio.Task[None]]:
    """Run the mind while the block lasts; it ends when it is told to."""
    life = asyncio.ensure_future(bench.mind.run())
    try:
        yield life
    finally:
        bench.mind.stop()
        with contextlib.suppress(Exception):
            await life


async def version(bench: Bench) -> str | None:
    return (await bench.status("raw")).get("dataVersion")


async def test_it_looks_at_everything_that_is_there_before_it_hears_anything(bench: Bench) -> None:
    async with running(bench):
        await until(lambda: bench.condition("clean", "Ready"), "clean has a status")
        await until(lambda: bench.mind.queue.idle, "nothing is left to do")
    assert await bench.condition("clean", "Fresh") == ("False", "NeverMaterialized")
    assert bench.missed == {}


async def test_nothing_is_decided_before_run(bench: Bench) -> None:
    await bench._hears()
    await asyncio.sleep(0)
    assert len(bench.mind.queue) == 2
    assert bench.cluster.written == []


async def test_an_api_server_that_is_away_at_the_start_is_waited_for(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.cluster.refusals["list"] = [ClusterUnavailable("503")] * 2
    async with running(bench):
        await until(lambda: bench.condition("raw", "Ready"), "raw has a status")
    assert len([line for line in caplog.messages if "not everything could be listed: 503" in line]) == 2


async def test_an_operator_that_may_not_list_ends_and_says_so(bench: Bench) -> None:
    bench.cluster.refusals["list"] = [Forbidden("assets is forbidden")]
    with pytest.raises(Forbidden):
        await bench.mind.run()


async def test_what_is_reported_reaches_status_by_the_feed(bench: Bench) -> None:
    async with running(bench):
        await until(lambda: bench.condition("raw", "Ready"), "raw has a status")
        await bench.outside("raw", "v1")
        await until(lambda: version(bench), "the version is in status")


async def test_a_watch_event_that_somebody_else_wrote_has_the_state_read_again(bench: Bench) -> None:
    await bench.settle()
    await bench.outside("raw", "v1")
    await bench.outside("raw", "v1")
    await bench.settle()
    await bench.cluster.patch_status("assets", NAMESPACE, "raw", {"status": {"dataVersion": "forged"}})
    await bench.settle()
    assert await version(bench) == "v1"


async def test_whoever_is_fenced_off_raises_fenced_and_nothing_around_it(bench: Bench) -> None:
    old = await bench.store.raise_epoch()
    await bench.store.raise_epoch()
    bench.store.epoch = old
    with pytest.raises(Fenced):
        await asyncio.wait_for(bench.mind.run(), 10)


async def test_a_store_that_goes_away_is_said_once_and_found_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(bench):
        await until(lambda: bench.condition("raw", "Ready"), "raw has a status")
        bench.redis.connected = False
        await until(bench.mind.gatherer.lost.is_set, "the store is known to be away")
        for _ in range(20):
            bench.mind.queue.add(*bench.mind.mirror)
            await asyncio.sleep(0.01)
        bench.redis.connected = True
        await until(lambda: bench.mind.world.store_reachable, "the store is found")
        await bench.outside("raw", "v1")
        await until(lambda: version(bench), "the version is in status")
    assert len([line for line in caplog.messages if "does not answer" in line]) == 1
    assert len([line for line in caplog.messages if "the store answers" in line]) == 1


async def test_a_store_that_one_read_missed_is_found_again_although_the_feed_never_broke(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(bench):
        await until(lambda: bench.condition("raw", "Ready"), "raw has a status")
        read = bench.store.states

        async def once(_: object) -> None:
            monkeypatch.setattr(bench.store, "states", read)
            raise StoreUnavailable("it did not answer in time")

        monkeypatch.setattr(bench.store, "states", once)
        await bench.outside("raw", "v1")
        await until(lambda: version(bench), "the version is in status")
        assert bench.mind.world.store_reachable


async def test_a_store_that_is_still_away_is_asked_for_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(bench):
        await until(lambda: bench.condition("raw", "Ready"), "raw has a status")
        place, asked = bench.store.position, []

        async def away() -> dict[int, str]:
            asked.append(1)
            if len(asked) < 4:
                raise StoreUnavailable("still away")
            return await place()

        monkeypatch.setattr(bench.store, "position", away)
        bench.mind.gatherer.lost_store(StoreUnavailable("a read timed out"))
        await until(lambda: bench.mind.world.store_reachable, "the store is found")
    assert len(asked) >= 4


async def test_whoever_fell_behind_reads_everything_again_and_says_so(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(bench):
        await until(lambda: bench.condition("raw", "Ready"), "raw has a status")
        await bench.outside("raw", "v1")
        await until(lambda: version(bench), "the version is in status")
        await until(lambda: bench.mind.queue.idle, "nothing is left to do")
        await bench.store._link.client.flushall()
        await until(lambda: bench.mind.gatherer.rebuilt, "the emptied store is filled again")
    assert any("everything is read again" in line for line in caplog.messages)


def counted_looks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, unheard_at: int = 0, refused_at: int = 0
) -> Counter[str]:
    """Count the lists of each resource; at one look an asset appears that no event tells of, another one is refused."""
    read, looks = bench.cluster.list, Counter[str]()

    async def counted(resource: str, *args: Any, **options: Any) -> Any:
        looks[resource] += 1
        if resource == "jobs" and looks[resource] == unheard_at:
            await bench.apply(a_source("unheard"))
        if resource == "jobs" and looks[resource] == refused_at:
            raise ClusterUnavailable("503")
        return await read(resource, *args, **options)

    monkeypatch.setattr(bench.cluster, "list", counted)
    return looks


async def test_a_full_pass_finds_what_no_event_told_of_and_counts_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = counted_looks(bench, monkeypatch)
    monkeypatch.setattr(bench.mind, "_settings", bench.settings.model_copy(update={"full_pass_seconds": 0.02}))
    async with running(bench):
        await until(lambda: looks["jobs"] >= 3, "the second look is over")
        await bench.apply(a_source("unheard"))
        await until(lambda: bench.condition("unheard", "Ready"), "the unheard asset has a status")
    assert bench.missed["assets"] >= 1


async def test_a_second_look_mends_what_happened_before_the_watches_and_calls_nothing_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = counted_looks(bench, monkeypatch, unheard_at=2)
    monkeypatch.setattr(rooms, "SECOND_LOOK_SECONDS", 0.02)
    async with running(bench):
        await until(lambda: looks["jobs"] == 2, "it looks a second time")
        await until(lambda: bench.condition("unheard", "Ready"), "the unheard asset has a status")
    assert not bench.missed["assets"]


async def test_a_second_look_that_fails_is_tried_again_and_calls_nothing_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = counted_looks(bench, monkeypatch, unheard_at=3, refused_at=2)
    monkeypatch.setattr(rooms, "SECOND_LOOK_SECONDS", 0.02)
    async with running(bench):
        await until(lambda: looks["jobs"] == 3, "it looks a third time")
        await until(lambda: bench.condition("unheard", "Ready"), "the unheard asset has a status")
    assert looks["jobs"] == 3
    assert not bench.missed["assets"]
    assert any("not everything could be listed: 503" in line for line in caplog.messages)


async def test_before_its_turn_it_looks_and_decides_nothing(bench: Bench) -> None:
    turn = asyncio.Event()

    async def comes() -> None:
        await turn.wait()

    life = asyncio.ensure_future(bench.mind.run(comes))
    await until(bench.mind.looked.is_set, "it has looked")
    assert len(bench.mind.queue) == 2
    assert bench.cluster.written == []
    turn.set()
    await until(lambda: bench.condition("clean", "Ready"), "clean has a status")
    bench.mind.stop()
    await life


async def test_all_that_there_is_is_planned_once_at_the_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    passes, run = [], bench.mind._pass.run

    async def noted(keys: set[Key]) -> None:
        passes.append({key.ref.name for key in keys})
        await run(keys)

    monkeypatch.setattr(bench.mind._pass, "run", noted)
    async with running(bench):
        await until(bench.mind.planned.is_set, "it has planned")
        await until(lambda: bench.mind.queue.idle, "nothing is left to do")
    assert passes == [{"raw", "clean"}]


async def test_only_the_namespaces_that_were_asked_for_are_looked_at() -> None:
    bench = Bench(namespaces=("elsewhere", "sales"))
    await bench.apply(a_source("raw"))
    async with running(bench):
        await until(bench.mind.planned.is_set, "it has looked")
    assert bench.mind.world.graph.get(Ref(NAMESPACE, "raw")) is None


async def test_it_ends_after_the_actions_in_flight(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()
    patch = bench.cluster.patch_status

    async def slow(*args: object) -> object:
        begun.set()
        await finish.wait()
        return await patch(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.cluster, "patch_status", slow)
    life = asyncio.ensure_future(bench.mind.run())
    await begun.wait()
    bench.mind.stop()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not life.done()
    finish.set()
    await life
    assert await bench.condition("raw", "Ready") == ("True", "Ready")
