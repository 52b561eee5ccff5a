"""One reader, many clients: nobody misses a change without being told, and nobody waits for a slow one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from upwell.protocol import EventType
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.errors import StoreUnavailable
from upwell_operator.server import hub as hub_module
from upwell_operator.server.hub import HEARTBEAT, KEPT, QUEUE, RESET, Hub
from upwell_operator.server.metrics import Metrics
from upwell_operator.store import Change, FellBehind


def a_change(key: str = "a", namespace: str = "shop") -> Change:
    return Change(AssetId(namespace, key), changed=True, kind=EventType.OBSERVATION, run="r")


class ScriptedFeed:
    """A store whose feed gives what a test puts in; an exception ends it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def follow(self) -> AsyncGenerator[list[Change], None]:
        while True:
            item = await self.queue.get()
            if isinstance(item, Exception):
                raise item
            yield item


class Reader:
    """A client that has been let in, and the frames that it got."""

    def __init__(self, hub: Hub, namespace: str | None = None, last: str | None = None) -> None:
        self.frames = hub.follow(namespace, last)

    async def next(self) -> str:
        return (await asyncio.wait_for(anext(self.frames), 5)).decode()

    async def rest(self) -> list[str]:
        return [frame.decode() async for frame in self.frames]


def _hub(store: Any = None) -> Hub:
    return Hub(store or ScriptedFeed(), Metrics())


def _last_id(frame: str) -> str:
    return next(line for line in frame.splitlines() if line.startswith("id: ")).removeprefix("id: ")


async def test_a_client_is_greeted_with_an_id_and_then_hears_changes() -> None:
    hub = _hub()
    reader = Reader(hub)
    hello = await reader.next()
    assert hello.startswith("retry: 2000\n\nid: ")
    hub.publish([a_change()])
    frame = await reader.next()
    assert 'event: change\ndata: {"namespace": "shop", "key": "a"' in frame
    assert '"dataVersionChanged": true' in frame


async def test_a_client_of_a_namespace_hears_no_other() -> None:
    hub = _hub()
    reader = Reader(hub, "shop")
    await reader.next()
    hub.publish([a_change(namespace="other"), a_change("b")])
    assert '"key": "b"' in await reader.next()


async def test_whoever_comes_back_gets_what_it_missed_and_no_more() -> None:
    hub = _hub()
    reader = Reader(hub)
    last = _last_id(await reader.next())
    hub.publish([a_change("a"), a_change("other", "other"), a_change("b")])
    again = Reader(hub, "shop", last)
    assert await again.next() == "retry: 2000\n\n"
    first, second = await again.next(), await again.next()
    assert ('"key": "a"' in first, '"key": "b"' in second) == (True, True)
    latest = Reader(hub, "shop", _last_id(second))
    assert "event: hello" in await latest.next()


STRANGE_IDS = ["otherboot-1", "nonsense", "", "boot-", "{boot}-999999", "{boot}--1", "{boot}-²"]


@pytest.mark.parametrize("last", STRANGE_IDS)
async def test_an_id_that_cannot_be_resumed_is_answered_with_a_reset(last: str) -> None:
    hub = _hub()
    hub.publish([a_change()])
    boot = _last_id(await Reader(hub).next()).partition("-")[0]
    reader = Reader(hub, None, last.replace("{boot}", boot))
    await reader.next()
    assert await reader.next() == RESET.decode()


async def test_what_is_no_longer_kept_is_a_reset() -> None:
    hub = _hub()
    last = _last_id(await Reader(hub).next())
    hub.publish([a_change() for _ in range(KEPT + 1)])
    reader = Reader(hub, None, last)
    await reader.next()
    assert await reader.next() == RESET.decode()


async def test_a_slow_client_is_told_and_sent_away() -> None:
    hub = _hub()
    slow, quick = Reader(hub), Reader(hub, "other")
    await slow.next()
    await quick.next()
    hub.publish([a_change() for _ in range(QUEUE + 1)])
    assert await slow.rest() == [RESET.decode()]
    hub.publish([a_change("still", "other")])
    assert '"key": "still"' in await quick.next()


async def test_silence_is_broken_by_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "HEARTBEAT_SECONDS", 0.01)
    reader = Reader(_hub())
    await reader.next()
    assert await reader.next() == HEARTBEAT.decode()


@pytest.mark.parametrize("error", [FellBehind("trimmed"), StoreUnavailable("away", after=0.01)])
async def test_a_gap_in_the_feed_is_a_reset_for_everybody_and_reading_goes_on(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "RETRY_SECONDS", 0.01)
    feed = ScriptedFeed()
    hub = _hub(feed)
    hub.start()
    reader = Reader(hub)
    await reader.next()
    for item in ([a_change("before")], error, error, [a_change("after")]):
        feed.queue.put_nowait(item)
    frames = [await reader.next() for _ in range(4)]
    assert ('"before"' in frames[0], frames[1:3], '"after"' in frames[3]) == (True, [RESET.decode()] * 2, True)
    await hub.close()


async def test_closing_ends_every_stream() -> None:
    hub = _hub()
    hub.start()
    reader = Reader(hub)
    await reader.next()
    await hub.close()
    assert await reader.rest() == []


async def test_a_client_that_goes_away_is_forgotten() -> None:
    metrics = Metrics()
    hub = Hub(ScriptedFeed(), metrics)  # type: ignore[arg-type]
    reader = Reader(hub)
    await reader.next()
    assert metrics.clients._value.get() == 1
    await reader.frames.aclose()  # type: ignore[attr-defined]
    assert metrics.clients._value.get() == 0
