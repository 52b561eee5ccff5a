"""Schedules over several passes: once a tick is answered, the next one that is due is looked at."""

from __future__ import annotations

import pytest

from reconcile_objects import a_derived, a_manifest, a_schedule, a_source, an_observation_job
from reconcile_world import Bench


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.apply(a_source("raw"), an_observation_job("nightly", "raw"))
    await bench.settle()
    return bench


async def ticks(bench: Bench) -> list[str]:
    return [run.trigger.detail.rpartition("T")[2][:5] for run in await bench.runs("raw")]


async def test_all_that_was_missed_is_made_up_for_one_after_the_other(bench: Bench) -> None:
    await bench.apply(a_schedule("hourly", "nightly", "0 * * * *", missedRuns={"policy": "All"}))
    bench.clock.forward(hours=3, minutes=30)
    await bench.settle()
    assert await ticks(bench) == ["13:00"]
    await bench.runs_through("raw", "v1")
    assert await ticks(bench) == ["13:00", "14:00"]
    await bench.runs_through("raw", "v1")
    await bench.runs_through("raw", "v1")
    assert await ticks(bench) == ["13:00", "14:00", "15:00"]
    status = await bench.status("hourly", "schedules")
    assert (status["lastScheduleTime"][11:16], status["nextScheduleTime"][11:16]) == ("15:00", "16:00")


@pytest.fixture
async def chain() -> Bench:
    """Raw → clean → daily, all built; then raw changes. A Schedule materializes what is stale, every hour."""
    bench = Bench()
    target = {"schedule": "0 * * * *", "materialize": {"selection": "*"}}
    await bench.apply(a_source("raw"), a_derived("clean", "raw"), a_derived("daily", "clean"))
    await bench.apply(a_manifest("Schedule", "hourly", target))
    await bench.settle()
    await bench.observed("raw", "v1", "t1")
    for name in ("clean", "daily"):
        await bench.request(name, "t1")
        await bench.settle()
        await bench.runs_through(name, "1")
    await bench.observed("raw", "v2", "t2")
    return bench


async def tick(bench: Bench) -> None:
    """Let an hour pass, and everything that it brings."""
    bench.clock.forward(hours=1)
    await bench.looks()


async def builds(bench: Bench, name: str) -> int:
    return len([run for run in await bench.runs(name) if run.trigger.type == "Schedule"])


async def test_what_is_stale_is_materialized_upstream_first(chain: Bench) -> None:
    await tick(chain)
    assert (await builds(chain, "clean"), await builds(chain, "daily")) == (1, 0)
    assert (await chain.status("hourly", "schedules"))["currentTick"] == "2026-11-22T13:00:00Z"
    await chain.runs_through("clean", "2")
    assert await builds(chain, "daily") == 1
    status = await chain.status("hourly", "schedules")
    assert "currentTick" not in status
    assert len(status["active"]) == 1
    await chain.runs_through("daily", "2")
    await tick(chain)
    assert (await builds(chain, "clean"), await builds(chain, "daily")) == (1, 1)
    assert "active" not in await chain.status("hourly", "schedules")


async def test_what_is_below_stays_as_it_is_if_that_came_to_the_same(chain: Bench) -> None:
    await tick(chain)
    await chain.runs_through("clean", "1")
    assert await builds(chain, "daily") == 0
    assert "currentTick" not in await chain.status("hourly", "schedules")


async def test_the_next_life_goes_on_with_the_tick(chain: Bench) -> None:
    await tick(chain)
    (run,) = await chain.open_runs("clean")
    chain.mind = chain.a_mind()
    await chain.finishes(run, "2")
    await chain.looks()
    assert (await builds(chain, "clean"), await builds(chain, "daily")) == (1, 1)


async def test_an_asset_that_appears_mends_a_selection_of_nothing(bench: Bench) -> None:
    target = {"schedule": "0 * * * *", "materialize": {"selection": "*"}}
    await bench.apply(a_manifest("Schedule", "hourly", target))
    await bench.settle()
    assert await bench.condition("hourly", "Ready", "schedules") == ("False", "NothingSelected")
    await bench.apply(a_derived("clean", "raw"))
    await bench.settle()
    assert await bench.condition("hourly", "Ready", "schedules") == ("True", "Ready")
