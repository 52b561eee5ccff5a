"""What the operator writes as status is what the schema knows; an API server would drop the rest without a word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, a_failure, a_graph, a_materialized, a_ref, a_run, a_state, an_asset
from upwell_operator.domain.actions import Planned, Skipped
from upwell_operator.domain.asset_status import asset_status, refused_status
from upwell_operator.domain.job_status import job_status, schedule_status
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.snapshot import ObservationJob, Outcome
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.asset_status import AssetStatus
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.observation_job import ObservationJobStatus
from upwell_operator.resources.schedule import ScheduleStatus

RAW, CLEAN, LOST = an_asset("raw"), an_asset("clean", deps=["raw"]), an_asset("lost", deps=["nowhere"])
FAILED = an_asset("failed")


@pytest.fixture
def world() -> World:
    """A source, one derived from an older version of it, one without its dep, one that failed, and two runs."""
    world = World(graph=a_graph(RAW, CLEAN, LOST, FAILED))
    world.states = {
        RAW.id: a_state("v2", run="raw-1"),
        CLEAN.id: a_materialized("c1", {"raw": "v1"}, code_version="3"),
        FAILED.id: a_state(None, failure=a_failure()),
    }
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    world.runs.put(a_run("raw-2", asset="raw", kind="observe", observation_job="sources", job_run="sources-1"))
    done = {"outcome": Outcome.CHANGED, "ended_at": NOW, "observation_job": "sources", "job_run": "sources-0"}
    world.runs.put(a_run("raw-0", asset="raw", kind="observe", **done))
    return world


@pytest.mark.parametrize("asset", [RAW, CLEAN, LOST, FAILED], ids=lambda asset: asset.ref.name)
def test_the_status_of_an_asset_is_in_the_schema(world: World, asset: Any) -> None:
    written = asset_status(world, asset, {}, NOW, handled="42")
    read = AssetStatus.model_validate(written)
    assert {condition.type for condition in read.conditions} >= {"Ready", "Fresh"}
    assert AssetStatus.model_validate(refused_status(written, 2, Reason.INVALID_SPEC, "spec.key: …", NOW))


def test_the_status_of_an_observation_job_is_in_the_schema(world: World) -> None:
    job = ObservationJob(a_ref("sources"), "uid", ("raw",))
    planned = Planned(handled_request="42", handled_generation=1)
    read = ObservationJobStatus.model_validate(job_status(world, job, {}, planned, NOW, None))
    assert read.applied_generation == 1
    assert read.last_run is not None


def test_the_status_of_a_schedule_is_in_the_schema(world: World) -> None:
    schedule = Schedule(a_ref("daily"), "uid", "@daily", "sources", active_since=NOW, observed_schedule="@daily UTC")
    skipped = Skipped(NOW - timedelta(days=1), "Deadline")
    planned = Planned(tick=NOW, missed=3, skipped=skipped, upcoming=(NOW + timedelta(days=1),))
    error = (Reason.JOB_NOT_FOUND, "spec.job.name: there is no ObservationJob sources")
    read = ScheduleStatus.model_validate(schedule_status(world, schedule, {}, planned, NOW, error))
    assert read.missed_ticks == 3
    assert read.last_skipped is not None
