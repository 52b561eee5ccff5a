"""What the store does while Redis is killed, restarted, replaced, or short of replicas."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from redis_servers import Server, missing, redis_binary, running, server, valkey_binary, wait_until
from upwell.protocol import Event, EventType
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.errors import StoreUnavailable
from upwell_operator.settings import Settings
from upwell_operator.store import Append, Store

ORDERS = AssetId("shop", "orders")
NOW = datetime.now(UTC).isoformat()


def saw(number: int) -> Append:
    return Append(ORDERS, Event(f"e{number}", EventType.OBSERVATION, "orders", NOW, f"v{number}"), run="r")


@pytest.fixture(params=["valkey", "redis"])
def binary(request: pytest.FixtureRequest) -> str:
    found = valkey_binary() if request.param == "valkey" else redis_binary()
    if found is None:
        missing(str(request.param))
    return str(found)


@pytest.fixture
def one(binary: str) -> Iterator[Server]:
    with server(binary) as it:
        yield it


@pytest.fixture
async def store(one: Server) -> AsyncIterator[Store]:
    it = Store(Settings(redis_url=one.url))
    yield it
    await it.close()


async def test_nothing_acknowledged_is_lost_when_redis_is_killed_while_results_arrive(
    one: Server, store: Store
) -> None:
    await store.open()
    acknowledged: list[int] = []
    twenty = asyncio.Event()

    async def report() -> None:
        for number in range(10_000):
            await store.append([saw(number)])
            acknowledged.append(number)
            if number == 20:
                twenty.set()

    reporting = asyncio.create_task(report())
    await twenty.wait()
    one.kill()
    with pytest.raises(StoreUnavailable):
        await reporting
    one.start()
    kept = {event.event.id for event in (await store.events(ORDERS, limit=10_000)).items}
    assert {f"e{number}" for number in acknowledged} <= kept


async def test_a_restarted_server_has_forgotten_the_scripts_and_gets_them_again(one: Server, store: Store) -> None:
    await store.append([saw(1)])
    with one.admin() as admin:
        admin.script_flush()
    answers = await store.append([saw(1), saw(2), saw(3)])
    assert [answer.status for answer in answers] == ["duplicate", "stored", "stored"]


async def test_a_write_fails_fast_while_redis_is_away_and_works_when_it_is_back(one: Server, store: Store) -> None:
    await store.append([saw(1)])
    one.kill()
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="nothing listens there"):
        await store.append([saw(2)])
    assert time.monotonic() - begun < 2
    one.start()
    assert (await store.append([saw(2)]))[0].changed


async def test_a_follower_is_told_when_redis_goes_away(one: Server, store: Store) -> None:
    async with aclosing(store.follow()) as lists, asyncio.timeout(20):
        assert await anext(lists) == []
        waiting = asyncio.ensure_future(anext(lists))
        await asyncio.sleep(0)
        one.kill()
        with pytest.raises(StoreUnavailable):
            await waiting


async def test_a_write_that_too_few_replicas_have_is_not_acknowledged(one: Server, binary: str) -> None:
    alone = Store(Settings(redis_url=one.url, redis_replicas=1))
    with pytest.raises(StoreUnavailable, match=r"only 0 of 1 replicas have it .*UPWELL_REDIS_REPLICAS"):
        await alone.append([saw(1)])
    with server(binary, "--replicaof", "127.0.0.1", str(one.port)) as replica:
        wait_until(lambda: _in_sync(replica), "the replica is in sync")
        (answer,) = await alone.append([saw(2)])
        assert answer.changed
        with replica.admin() as admin:
            assert admin.hget("upwell:{0}:asset:shop/orders:state", "v") == "v2"
    await alone.close()


async def test_a_cluster_without_replicas_acknowledges_nothing_that_should_have_one() -> None:
    with running("cluster") as backend:
        alone = Store(backend.settings.model_copy(update={"redis_replicas": 1}))
        with pytest.raises(StoreUnavailable, match="only 0 of 1 replicas"):
            await alone.append([saw(1)])
        await alone.close()


def _in_sync(replica: Server) -> bool:
    with replica.admin() as admin:
        return bool(admin.info("replication").get("master_link_status") == "up")


async def test_a_server_behind_a_socket_file_is_a_server(binary: str, tmp_path: Path) -> None:
    file = tmp_path / "redis.sock"
    with server(binary, "--unixsocket", str(file)):
        it = Store(Settings(redis_url=f"unix://{file}"))
        (answer,) = await it.append([saw(1)])
        assert answer.changed
        await it.close()
