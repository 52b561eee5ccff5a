"""The server as it runs: uvicorn on a port, real Valkey, a client that speaks HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from redis_servers import Backend, running
from server_world import ALICE, KEY, NAMESPACE, POD, RUN, PeopleCluster, a_run_in, an_asset_object, an_event, outcome_of
from upwell.protocol import Env
from upwell_operator.domain.snapshot import AssetId, Outcome
from upwell_operator.server.app import create_app, utc_now
from upwell_operator.server.serving import Serving, serving
from upwell_operator.settings import Settings
from upwell_operator.store import Store

ALICES = {"Authorization": f"Bearer {ALICE}"}


@dataclass
class Live:
    """A server that listens."""

    http: httpx.AsyncClient
    cluster: PeopleCluster
    store: Store
    token: str
    backend: Backend
    server: Serving

    async def report(self, *events: dict[str, object]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.post(f"/v1/runs/{NAMESPACE}/{RUN}/events", json={"events": events}, headers=headers)


@pytest.fixture(scope="module")
def valkey() -> Iterator[Backend]:
    with running("valkey") as backend:
        yield backend


@pytest.fixture
async def live(valkey: Backend) -> AsyncIterator[Live]:
    valkey.empty()
    cluster = PeopleCluster(utc_now)
    await cluster.create("assets", an_asset_object())
    token = await a_run_in(cluster)
    settings = valkey.settings.model_copy(update={"port": 0})
    store = Store(settings)
    async with _served(cluster, store, settings) as (server, http):
        yield Live(http, cluster, store, token, valkey, server)
    await store.close()


@asynccontextmanager
async def _served(
    cluster: PeopleCluster, store: Store, settings: Settings
) -> AsyncIterator[tuple[Serving, httpx.AsyncClient]]:
    server = serving(create_app(cluster, store, settings), settings)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
        yield server, http
    server.should_exit = True
    await task


async def _until(lines: AsyncIterator[str], wanted: str) -> tuple[str, str]:
    """Read frames until one of this event; give its id and data."""
    frame: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            frame[name] = value
        elif frame.get("event") == wanted:
            return frame.get("id", ""), frame.get("data", "")
        else:
            frame = {}
    raise AssertionError("the stream ended")


async def test_many_reports_at_once_are_all_durable_when_acknowledged(live: Live) -> None:
    batches = [[an_event(dataVersion=f"v{number}-{each}") for each in range(20)] for number in range(20)]
    answers = await asyncio.gather(*(live.report(*batch) for batch in batches))
    assert [answer.json()["accepted"] for answer in answers] == [20] * 20
    live.backend.servers[0].kill()
    live.backend.servers[0].start()
    found = await live.store.events(AssetId(NAMESPACE, KEY), limit=1000)
    assert {one.event.id for one in found.items} == {event["id"] for batch in batches for event in batch}


async def test_a_report_during_an_outage_is_refused_and_taken_once_when_it_is_over(live: Live) -> None:
    event = an_event(dataVersion="v1")
    live.backend.servers[0].kill()
    refused = await live.report(event)
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
    assert (await live.http.get("/readyz")).status_code == 503
    live.backend.servers[0].start()
    assert (await live.report(event)).json()["accepted"] == 1
    assert (await live.report(event)).json()["duplicates"] == 1


async def test_a_change_is_streamed_and_a_broken_connection_goes_on_where_it_broke(live: Live) -> None:
    async with live.http.stream("GET", "/v1/stream", headers=ALICES) as first:
        assert first.headers["content-type"].startswith("text/event-stream")
        lines = first.aiter_lines()
        await _until(lines, "hello")
        await live.report(an_event(dataVersion="v1"))
        last, data = await _until(lines, "change")
    assert json.loads(data) == {
        "namespace": NAMESPACE,
        "key": KEY,
        "type": "AssetObservation",
        "dataVersionChanged": True,
        "run": RUN,
    }
    await live.report(an_event(dataVersion="v2"), an_event(dataVersion="v2"))
    async with live.http.stream("GET", "/v1/stream", headers={**ALICES, "Last-Event-ID": last}) as second:
        again, _ = await _until(second.aiter_lines(), "change")
    assert again.split("-")[0] == last.split("-")[0]
    assert int(again.split("-")[1]) == int(last.split("-")[1]) + 1


async def test_an_outage_of_the_store_is_a_reset_and_the_stream_goes_on(live: Live) -> None:
    async with live.http.stream("GET", "/v1/stream", headers=ALICES) as stream:
        lines = stream.aiter_lines()
        await _until(lines, "hello")
        await live.report(an_event(dataVersion="v1"))
        await _until(lines, "change")
        live.backend.servers[0].kill()
        await _until(lines, "reset")
        live.backend.servers[0].start()
        number = 1
        change = asyncio.create_task(_until(lines, "change"))
        while not change.done():
            number += 1
            await live.report(an_event(dataVersion=f"v{number}"))
            await asyncio.wait([change], timeout=0.1)
        assert json.loads(change.result()[1])["key"] == KEY


async def test_a_stop_ends_streams_and_does_not_wait_for_them(valkey: Backend) -> None:
    cluster, store = PeopleCluster(utc_now), Store(valkey.settings)
    started = asyncio.get_running_loop().time()
    settings = valkey.settings.model_copy(update={"port": 0})
    async with (
        _served(cluster, store, settings) as (server, http),
        http.stream("GET", "/v1/stream", headers=ALICES) as stream,
    ):
        lines = stream.aiter_lines()
        await _until(lines, "hello")
        server.should_exit = True
        with pytest.raises(AssertionError, match="the stream ended"):
            await _until(lines, "change")
    assert asyncio.get_running_loop().time() - started < timedelta(seconds=8).total_seconds()
    await store.close()


SHOP = """
from upwell import AssetKey, AssetObservation, DataVersion, MetadataValue, ObserveResult, observable_source_asset

@observable_source_asset(key=AssetKey(["warehouse", "raw_orders"]))
def raw(context):
    context.log_event(AssetObservation(asset_key="other/asset", metadata={"seen": 1}))
    metadata = {
        "text": "plain", "int": 2**60, "float": float("nan"), "bool": True, "null": None, "json": {"a": [1.5]},
        "md": MetadataValue.md("# x"), "url": MetadataValue.url("https://example.com"),
        "path": MetadataValue.path("/x"), "when": MetadataValue.timestamp(1.0),
        "asset": MetadataValue.asset("other/asset"), "run": MetadataValue.run("r"),
        "job": MetadataValue.job("j"), "table": MetadataValue.table([{"a": 1}]),
    }
    return ObserveResult(data_version=DataVersion("v42"), metadata=metadata)
"""


async def test_the_pods_runner_reports_every_type_of_metadata(live: Live, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "token").write_text(live.token)
    environment = {
        Env.PROTOCOL: "1",
        Env.SERVER: str(live.http.base_url).rstrip("/"),
        Env.TOKEN_FILE: str(tmp_path / "token"),
        Env.NAMESPACE: NAMESPACE,
        Env.RUN: RUN,
        Env.ATTEMPT: POD,
        Env.KIND: "observe",
        Env.ASSET_KEY: KEY,
        Env.FUNCTION: "shop:raw",
        Env.INPUTS: "[]",
        Env.RESULT: str(tmp_path / "result"),
    }
    variables = {**{key.value: value for key, value in environment.items()}, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "upwell.runner"]
    process = await asyncio.create_subprocess_exec(*command, env=variables, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    (event,) = (await live.store.events(AssetId(NAMESPACE, KEY))).items
    assert (event.event.data_version, len(event.event.metadata), event.attempt) == ("v42", 14, POD)
    assert await outcome_of(live.cluster, live.store) is Outcome.CHANGED
    assert len((await live.store.events(AssetId(NAMESPACE, "other/asset"))).items) == 1
