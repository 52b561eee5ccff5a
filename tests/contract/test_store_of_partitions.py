"""What the store knows of partitions that are built: each its own result, failure and order of runs, and what moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import redis_servers
from upwell.protocol import Event, EventType, InputVersion
from upwell_operator.domain.snapshot import AssetId, Failure, Materialization
from upwell_operator.domain.versions import set_digest
from upwell_operator.store import Append, Store
from upwell_operator.store.records import Appended, Status

backend, store = redis_servers.backend, redis_servers.store

CLEAN = AssetId("shop", "clean")
CHANGED, STORED = Appended(Status.STORED, changed=True), Appended(Status.STORED)
DAYS = ("mon", "tue", "wed")


def at(minute: int) -> datetime:
    return datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(minutes=minute)


def of(number: int, key: str, type_: EventType, version: str | None, fence: int | None, **more: Any) -> Append:
    event = Event(f"e{number}", type_, "clean", at(number).isoformat(), version, partition=key, result=True, **more)
    return Append(CLEAN, event, run=f"r{number}", fence=fence, version=version, last=True)


def built(number: int, key: str, version: str, *, fence: int | None = None, raw: str = "v1") -> Append:
    """Say that a run has built a partition."""
    entry = of(number, key, EventType.MATERIALIZATION, version, fence)
    given = {name: getattr(entry, name) for name in ("id", "event", "run", "fence", "version", "last")}
    return Append(**given, versions={key: version}, inputs=(InputVersion("raw", "raw", raw),))


def failed(number: int, key: str, *, fence: int | None = None) -> Append:
    return of(number, key, EventType.MATERIALIZATION_FAILED, None, fence, description="boom")


async def version(store: Store) -> str | None:
    return (await store.states([CLEAN]))[CLEAN].version


async def test_what_was_built_of_each_partition_is_kept_and_together_they_are_the_assets_version(store: Store) -> None:
    assert await store.append([built(1, "mon", "a"), built(2, "tue", "b")]) == [CHANGED, CHANGED]
    found = await store.moved(CLEAN)
    assert found.versions == {"mon": "a", "tue": "b"}
    assert found.made["tue"] == Materialization(at(2), "b", None, "r2", (InputVersion("raw", "raw", "v1"),))
    assert await version(store) == set_digest(found.versions), "the digest that the operator makes itself"


async def test_what_moved_since_somebody_looked_is_read_and_nothing_else(store: Store) -> None:
    await store.append([built(number, day, "a") for number, day in enumerate(DAYS)])
    first = await store.moved(CLEAN)
    assert (first.names, sorted(first.versions)) == (None, sorted(DAYS))
    await store.append([built(5, "tue", "b"), failed(6, "wed")])
    second = await store.moved(CLEAN, first.serial)
    assert sorted(second.names or ()) == ["tue", "wed"]
    assert (second.versions, list(second.failures)) == ({"tue": "b", "wed": "a"}, ["wed"])
    third = await store.moved(CLEAN, second.serial)
    assert (third.names, third.versions, third.serial) == ([], {}, second.serial)
    assert (await store.states([CLEAN]))[CLEAN].serial == second.serial


async def test_whoever_was_away_for_too_long_or_knows_another_redis_reads_everything(store: Store) -> None:
    await store.append([built(1, "mon", "a")])
    since = (await store.moved(CLEAN)).serial
    for number in range(0, 2500, 500):
        await store.append([built(n, "tue", str(n)) for n in range(number, number + 500)])
    assert (await store.moved(CLEAN, since)).names is None
    assert (await store.moved(CLEAN, "1-0")).names is None


async def test_a_failure_is_its_partitions_until_that_is_built(store: Store) -> None:
    await store.append([built(1, "mon", "a"), failed(2, "mon"), failed(3, "tue"), built(4, "tue", "b")])
    found = await store.moved(CLEAN)
    assert [(key, type(one), one.run, one.message) for key, one in found.failures.items()] == [
        ("mon", Failure, "r2", "boom")
    ]
    assert (await store.states([CLEAN]))[CLEAN].failure is None


async def test_a_run_that_was_overtaken_changes_nothing_of_its_partition_and_is_no_matter_of_others(
    store: Store,
) -> None:
    assert await store.append([built(1, "mon", "new", fence=7)]) == [CHANGED]
    assert await store.append([built(2, "mon", "old", fence=6)]) == [Appended(Status.SUPERSEDED)]
    assert await store.append([built(3, "tue", "late", fence=5)]) == [CHANGED]
    assert (await store.moved(CLEAN)).versions == {"mon": "new", "tue": "late"}
    assert (await store.states([CLEAN]))[CLEAN].fence == 7


async def test_built_again_as_it_was_the_assets_version_stays(store: Store) -> None:
    await store.append([built(1, "mon", "a", raw="v1")])
    before = await version(store)
    assert await store.append([built(2, "mon", "a", raw="v2")]) == [STORED]
    assert await version(store) == before
    assert (await store.moved(CLEAN)).made["mon"].inputs[0].data_version == "v2"


async def test_after_a_loss_fewer_are_known_than_before_until_as_many_were_built_again(store: Store) -> None:
    await store.append([built(number, day, "a") for number, day in enumerate(DAYS)])
    remembered = (await store.states([CLEAN]))[CLEAN]
    other = AssetId("shop", "other")
    await store.restore([(other, remembered)])
    lost = (await store.states([other]))[other]
    assert (lost.lost, lost.version) == (True, remembered.version)


async def test_all_of_it_goes_with_the_asset(store: Store) -> None:
    await store.append([failed(1, "mon")])
    await store.trim(CLEAN, 0, timedelta(0))
    found = await store.moved(CLEAN)
    assert (found.versions, found.made, found.failures) == ({}, {}, {})
