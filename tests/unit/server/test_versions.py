"""What was built from each version of an asset: how far a bad one has come."""

from __future__ import annotations

from typing import Any

import pytest

from builders import NOW
from server_world import KEY, NAMESPACE, World, an_event
from upwell.protocol import Event, EventType, InputVersion
from upwell_operator.cluster.port import Caller
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.store import Append

PATH = "/v1/assets/shop/raw-orders"
RAW, CLEAN, REPORT = AssetId(NAMESPACE, KEY), AssetId(NAMESPACE, "clean"), AssetId("sales", "report")


async def _made(world: World, asset: AssetId, version: str, *inputs: tuple[str, str, str]) -> None:
    event = Event(f"{asset.key}-{version}", EventType.MATERIALIZATION, asset.key, NOW.isoformat(), version, result=True)
    given = tuple(InputVersion(*one) for one in inputs)
    await world.store.append([Append(asset, event, run=f"run-of-{version}", inputs=given)])


@pytest.fixture
async def built(world: World) -> World:
    """Give raw v1 and v2; clean built from both, and report of another namespace from the first clean."""
    await world.report([an_event(dataVersion="v1"), an_event(dataVersion="v2")])
    await _made(world, CLEAN, "c1", ("raw-orders", KEY, "v1"))
    await _made(world, REPORT, "r1", ("shop/clean", "clean", "c1"))
    await _made(world, CLEAN, "c2", ("raw-orders", KEY, "v2"))
    return world


def _told(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["namespace"], one["key"], one["dataVersion"], one["depth"], one["current"]) for one in items]


async def test_each_version_says_what_was_built_from_it_directly(built: World) -> None:
    now, before = (await built.get(f"{PATH}/versions")).json()["items"]
    assert (now["builds"], _told(now["built"])) == (1, [("shop", "clean", "c2", 1, True)])
    assert (before["builds"], _told(before["built"])) == (1, [("shop", "clean", "c1", 1, False)])
    assert before["built"][0]["run"] == "run-of-c1"


async def test_a_version_is_followed_as_far_down_as_it_came(built: World) -> None:
    body = (await built.get(f"{PATH}/built-from", version="v1")).json()
    assert _told(body["items"]) == [("shop", "clean", "c1", 1, False), ("sales", "report", "r1", 2, True)]
    assert body["items"][1]["input"] == {"namespace": "shop", "key": "clean", "dataVersion": "c1"}
    assert (body["hidden"], body["endedEarly"]) == (0, False)


async def test_who_may_not_list_a_namespace_learns_how_many_builds_are_there(
    built: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def may(_: Caller, verb: str, __: str, namespace: str, ___: str = "") -> bool:
        return (verb, namespace) != ("list", "sales")

    monkeypatch.setattr(built.cluster, "may", may)
    body = (await built.get(f"{PATH}/built-from", version="v1")).json()
    assert ([one["key"] for one in body["items"]], body["hidden"]) == (["clean"], 1)


async def test_nothing_was_built_from_a_version_that_nobody_had(built: World) -> None:
    assert (await built.get(f"{PATH}/built-from", version="v9")).json()["items"] == []


async def test_a_list_of_versions_shows_twenty_builds_of_each_and_counts_all(world: World) -> None:
    await world.report([an_event(dataVersion="v1")])
    for number in range(25):
        await _made(world, AssetId(NAMESPACE, f"a{number}"), "x", ("raw-orders", KEY, "v1"))
    (one,) = (await world.get(f"{PATH}/versions")).json()["items"]
    assert (one["builds"], len(one["built"]), one["built"][0]["key"]) == (25, 20, "a24")
