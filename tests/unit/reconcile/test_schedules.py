"""Schedules over several passes: once a tick is answered, the next one that is due is looked at."""

from __future__ import annotations

import pytest

from reconcile_objects import a_schedule, a_source, an_observation_job
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
