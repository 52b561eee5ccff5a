"""Retention: what `spec.history` keeps is what is kept, and a deleted asset leaves nothing behind in the end."""

from __future__ import annotations

import asyncio
import logging

import pytest

from reconcile_objects import NAMESPACE, a_source
from reconcile_world import Bench
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.errors import StoreUnavailable
from upwell_operator.reconcile import retaining
from upwell_operator.resources.asset import History

RAW = AssetId(NAMESPACE, "raw")
AT_ONCE = History(age="1s").model_copy(update={"age": History(age="1s").age * 0})


async def a_bench(**settings: object) -> Bench:
    """A source that was observed five times, each time as something else."""
    bench = Bench(**settings)
    await bench.apply(a_source("raw", history={"events": 2}))
    await bench.settle()
    for number in range(5):
        await bench.outside("raw", f"v{number}")
    await bench.settle()
    return bench


async def left(bench: Bench) -> tuple[int, str | None]:
    """Give how many events are kept, and the current version."""
    state = (await bench.store.states([RAW])).get(RAW)
    return len((await bench.store.events(RAW)).items), state and state.version


async def forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time pass for which undefined data is kept."""
    monkeypatch.setattr(retaining, "BY_DEFAULT", AT_ONCE)
    await asyncio.sleep(0.005)  # ids are milliseconds
    await bench.mind.keeper.keep()


async def test_an_asset_keeps_as_much_as_its_spec_says_and_its_version() -> None:
    bench = await a_bench()
    assert await bench.mind.keeper.keep() == 3 + 2
    assert await left(bench) == (2, "v4")
    assert await bench.mind.keeper.keep() == 0


async def test_a_deleted_asset_is_kept_for_its_time_and_then_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await a_bench()
    await bench.cluster.delete("assets", NAMESPACE, "raw")
    await bench.settle()
    await bench.mind.keeper.keep()
    assert await left(bench) == (5, "v4")
    await forgotten(bench, monkeypatch)
    assert await left(bench) == (0, None)
    assert await bench.store.known() == []


async def test_an_asset_that_cannot_be_read_keeps_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await a_bench()
    broken = await bench.cluster.get("assets", NAMESPACE, "raw")
    later = {**broken["metadata"], "resourceVersion": "999"}
    bench.mind.hear("assets", "MODIFIED", {**broken, "metadata": later, "spec": {"x": 1}})
    await forgotten(bench, monkeypatch)
    assert await left(bench) == (0, "v4")


async def test_the_data_of_namespaces_that_are_not_watched_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await a_bench(namespaces=("elsewhere",))
    await forgotten(bench, monkeypatch)
    assert await left(bench) == (5, "v4")


async def test_a_store_that_is_away_is_asked_again_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench, answers, done = await a_bench(), [StoreUnavailable("no answer"), 7], asyncio.Event()

    async def keep() -> int:
        if not answers:
            done.set()
            await asyncio.Event().wait()
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(retaining, "FIRST_SECONDS", 0)
    monkeypatch.setattr(retaining, "EVERY_SECONDS", 0)
    monkeypatch.setattr(bench.mind.keeper, "keep", keep)
    with caplog.at_level(logging.INFO, retaining.__name__):
        running = asyncio.create_task(bench.mind.keeper.run())
        await done.wait()
        running.cancel()
    assert "history could not be trimmed" in caplog.text
    assert "7 entries of history" in caplog.text
