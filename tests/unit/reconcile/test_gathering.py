"""What the world knows of the store: while it answers, while it is away, after it was emptied."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from builders import a_materialized
from reconcile_objects import NAMESPACE, a_derived, a_source
from reconcile_world import Bench
from upwell_operator.domain.asset_status import remembered_state
from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetId, AssetState, Ref
from upwell_operator.resources.meta import Kind

RAW, CLEAN = AssetId(NAMESPACE, "raw"), AssetId(NAMESPACE, "clean")
RAW_REF, CLEAN_REF = Ref(NAMESPACE, "raw"), Ref(NAMESPACE, "clean")


@pytest.fixture
async def bench() -> Bench:
    """Two assets that have been looked at; the source was observed as v1."""
    bench = Bench()
    await bench.apply(a_source("raw"), a_derived("clean", "raw"))
    await bench.settle()
    await bench.outside("raw", "v1")
    await bench.settle()
    return bench


def version(bench: Bench) -> str | None:
    return bench.mind.world.states[RAW].version


async def test_what_was_reported_is_read_and_whom_it_changed_is_told(bench: Bench) -> None:
    await bench.outside("raw", "v2")
    assert await bench.mind.gatherer.gather([]) == set()
    bench.mind.gatherer.read_again([RAW])
    assert await bench.mind.gatherer.gather([]) == {RAW_REF}
    assert version(bench) == "v2"
    assert await bench.mind.gatherer.gather([RAW_REF]) == set()


async def test_what_is_reported_while_the_store_is_read_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer may be older than the report that came with it: the mark must outlive the reading."""
    await bench.outside("raw", "v2")
    read = bench.store.states

    async def slow(ids: Sequence[AssetId]) -> dict[AssetId, AssetState]:
        found = await read(ids)
        await bench.outside("raw", "v3")
        bench.mind.gatherer.read_again([RAW])
        return found

    monkeypatch.setattr(bench.store, "states", slow)
    bench.mind.gatherer.read_again([RAW])
    await bench.mind.gatherer.gather([])
    monkeypatch.setattr(bench.store, "states", read)
    assert version(bench) == "v2"
    await bench.mind.gatherer.gather([])
    assert version(bench) == "v3"


async def test_an_asset_that_is_no_more_is_read_without_harm(bench: Bench) -> None:
    bench.mind.gatherer.read_again([AssetId(NAMESPACE, "gone")])
    assert await bench.mind.gatherer.gather([Ref(NAMESPACE, "gone")]) == set()


async def test_a_store_that_goes_away_is_said_once_and_nothing_is_forgotten(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.redis.connected = False
    for _ in range(5):
        bench.mind.gatherer.read_again([RAW])
        await bench.mind.gatherer.gather([RAW_REF])
    assert [line for line in caplog.messages if "does not answer" in line] == [caplog.messages[0]]
    assert version(bench) == "v1"
    assert not bench.mind.world.store_reachable
    assert bench.mind.gatherer.lost.is_set()


async def test_what_could_not_be_read_is_read_when_the_store_answers(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await bench.outside("raw", "v2")
    bench.redis.connected = False
    bench.mind.gatherer.read_again([RAW])
    await bench.mind.gatherer.gather([])
    bench.redis.connected = True
    bench.mind.gatherer.found_store()
    bench.mind.gatherer.found_store()
    assert await bench.mind.gatherer.gather([]) == {RAW_REF}
    assert caplog.messages.count("the store answers") == 1
    assert not bench.mind.gatherer.lost.is_set()


async def test_while_the_store_is_away_nothing_is_asked_of_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.redis.connected = False
    bench.mind.gatherer.read_again([RAW])
    await bench.mind.gatherer.gather([])

    async def never(_: object) -> None:
        pytest.fail("a store that is away was asked")

    monkeypatch.setattr(bench.store, "states", never)
    await bench.mind.gatherer.gather([RAW_REF])


async def test_an_operator_that_starts_without_a_store_knows_what_status_remembers(bench: Bench) -> None:
    bench.redis.connected = False
    bench.mind = bench.a_mind()
    await bench.looks()
    assert version(bench) == "v1"
    assert bench.mind.world.states[CLEAN] == UNKNOWN_STATE


async def test_an_emptied_store_is_filled_from_what_status_remembers_and_that_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await empty(bench)
    bench.mind.gatherer.read_again([RAW, CLEAN])
    assert await bench.mind.gatherer.gather([]) == set()
    assert "the store had been emptied; the state of 1 assets was rebuilt from their status" in caplog.messages
    assert (await bench.store.states([RAW]))[RAW].version == "v1"
    assert bench.mind.gatherer.rebuilt == 1
    assert not await bench.store.is_empty()


async def test_what_was_decided_is_written_down_anew_in_an_emptied_store(bench: Bench) -> None:
    before = (await bench.store.decisions(Kind.ASSET, CLEAN_REF)).items[0]
    await empty(bench)
    bench.mind.gatherer.read_again([RAW])
    await bench.mind.gatherer.gather([])
    await bench.step(await bench.mind.queue.take())
    (after,) = (await bench.store.decisions(Kind.ASSET, CLEAN_REF)).items
    assert (after.reason, after.message) == (before.reason, before.message)


async def test_what_was_reported_after_the_emptying_is_not_overwritten_by_memories(bench: Bench) -> None:
    await bench.outside("clean", "c1")
    await bench.settle()
    await empty(bench)
    await bench.outside("raw", "v9")
    bench.mind.gatherer.read_again([RAW, CLEAN])
    await bench.mind.gatherer.gather([])
    assert (version(bench), bench.mind.world.states[CLEAN].version) == ("v9", "c1")


async def test_an_asset_of_which_nothing_was_ever_known_is_no_sign_of_an_emptied_store(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.mind.gatherer.read_again([CLEAN])
    await bench.mind.gatherer.gather([])
    assert caplog.messages == []


async def test_a_state_that_vanished_alone_is_rebuilt_only_once_for_an_emptied_store(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """After a rebuild the marker stands: a state that is absent then was absent for another reason."""
    await empty(bench)
    bench.mind.gatherer.read_again([RAW])
    await bench.mind.gatherer.gather([])
    bench.mind.world.states[CLEAN] = a_materialized("c1")
    bench.mind.gatherer.read_again([CLEAN])
    await bench.mind.gatherer.gather([])
    assert len([line for line in caplog.messages if "emptied" in line]) == 1
    assert bench.mind.world.states[CLEAN] == UNKNOWN_STATE


async def test_what_status_remembers_is_what_the_store_knew(bench: Bench) -> None:
    status = await bench.status("raw")
    known = (await bench.store.states([RAW]))[RAW]
    assert remembered_state(status) == known


async def empty(bench: Bench) -> None:
    client = bench.store._link.client
    await client.flushall()
    await asyncio.sleep(0)
