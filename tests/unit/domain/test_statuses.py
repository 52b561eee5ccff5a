"""What the statuses of the three kinds say, and what an asset's status remembers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_failure, a_materialized, a_ref, a_run, a_state, an_asset, an_input
from upwell.protocol import RunKind
from upwell_operator.domain.actions import Planned, Skipped
from upwell_operator.domain.asset_status import asset_status, refused_status, remembered_state
from upwell_operator.domain.job_status import job_status, schedule_status
from upwell_operator.domain.partitions import Dynamic, Partitions, Static
from upwell_operator.domain.schedules import Rebuild, Schedule
from upwell_operator.domain.snapshot import (
    Asset,
    AssetState,
    Failure,
    Materialization,
    Observation,
    ObservationJob,
    Outcome,
    Run,
    Trigger,
    TriggerType,
)
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.selection import read_selection

Json = dict[str, Any]
RAW, CLEAN = an_asset("raw"), an_asset("clean", deps=["raw"])


def a_world(states: dict[Asset, AssetState], *runs: Run) -> World:
    world = World()
    for asset, state in states.items():
        world.graph.put(asset)
        world.states[asset.id] = state
    for run in runs:
        world.runs.put(run)
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    return world


def status_of(asset: Asset, state: AssetState, *runs: Run, **options: Any) -> Json:
    world = a_world({asset: state}, *runs)
    return asset_status(world, asset, options.pop("previous", {}), NOW, handled=options.pop("handled", None), **options)


def conditions(status: Json) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


CONDITIONS = {
    "a source nobody looked at": (
        RAW,
        AssetState(),
        {"Ready": ("True", "Ready"), "Observed": ("Unknown", "NeverObserved"), "Fresh": ("Unknown", "NeverObserved")},
    ),
    "a source that was observed": (
        RAW,
        a_state("v1"),
        {"Ready": ("True", "Ready"), "Observed": ("True", "Observed"), "Fresh": ("True", "UpToDate")},
    ),
    "a source whose observation failed": (
        RAW,
        a_state("v1", failure=a_failure()),
        {
            "Ready": ("False", "RunFailed"),
            "Stalled": ("True", "RunFailed"),
            "Observed": ("False", "ObservationFailed"),
            "Fresh": ("Unknown", "ObservationFailed"),
        },
    ),
    "a suspended source": (
        replace(RAW, suspended=True),
        a_state("v1"),
        {"Ready": ("True", "Suspended"), "Observed": ("True", "Observed"), "Fresh": ("True", "UpToDate")},
    ),
    "an asset without its upstream": (
        CLEAN,
        a_materialized("c"),
        {"Ready": ("False", "DependencyNotFound"), "Fresh": ("Unknown", "DependencyNotFound")},
    ),
}


@pytest.mark.parametrize(("asset", "state", "expected"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_conditions(asset: Asset, state: AssetState, expected: dict[str, tuple[str, str]]) -> None:
    assert conditions(status_of(asset, state)) == expected


def test_old_data_never_touches_ready() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: a_materialized("c", {"raw": "v1"})})
    status = asset_status(world, CLEAN, {}, NOW, handled=None)
    assert conditions(status) == {"Ready": ("True", "Ready"), "Fresh": ("False", "UpstreamDataChanged")}


def test_what_went_wrong_in_this_pass_is_said() -> None:
    status = status_of(RAW, a_state("v1"), error=(Reason.INVALID_POD_TEMPLATE, "the Job is refused: no such volume"))
    assert conditions(status)["Ready"] == ("False", "InvalidPodTemplate")


def test_facts_requests_and_runs_are_shown() -> None:
    state = a_state("v" * 20, run="raw-1", fence=3)
    status = status_of(RAW, state, a_run("raw-2", asset="raw", kind="observe"), handled="t1")
    assert (status["dataVersion"], status["shortVersion"]) == ("v" * 20, "v" * 12)
    assert status["lastObservation"]["run"] == "raw-1"
    assert status["activeRuns"] == [{"name": "raw-2", "kind": "observe", "startedAt": "2026-11-22T12:00:00Z"}]
    assert (status["lastHandledRequest"], status["kind"], status["key"]) == ("t1", "Source", "raw")


def test_an_object_that_cannot_be_read_keeps_what_was_known() -> None:
    before = status_of(RAW, a_state("v1"))
    after = refused_status(before, 7, Reason.INVALID_SPEC, "spec.observe: no", NOW)
    assert (after["dataVersion"], after["observedGeneration"]) == ("v1", 7)
    assert conditions(after)["Ready"] == ("False", "InvalidSpec")
    assert conditions(after)["Fresh"] == ("True", "UpToDate")


TIMES = st.integers(0, 10**6).map(lambda seconds: NOW - timedelta(seconds=seconds))
TEXTS = st.text("abc123", min_size=1, max_size=5)
INPUTS = st.lists(st.tuples(TEXTS, TEXTS | st.none()), max_size=3).map(
    lambda rows: tuple(an_input(name, version) for name, version in rows)
)
STATES = st.builds(
    AssetState,
    version=TEXTS | st.none(),
    version_changed_at=TIMES | st.none(),
    observation=st.none()
    | st.builds(Observation, TIMES, TEXTS, TEXTS | st.none(), TIMES | st.none(), st.integers(1, 9)),
    materialization=st.none() | st.builds(Materialization, TIMES, TEXTS, TEXTS | st.none(), TEXTS | st.none(), INPUTS),
    failure=st.none() | st.builds(Failure, TIMES, st.sampled_from(RunKind), TEXTS, TEXTS),
)


@given(STATES)
def test_a_status_remembers_the_state(state: AssetState) -> None:
    assert remembered_state(status_of(RAW, state)) == state


class TestObservationJob:
    """Counted from its Jobs while they exist, kept when they are gone."""

    JOB = ObservationJob(a_ref("sources"), "uid-job", ("raw", "other"), handled_request="t0")

    def member(self, name: str, run: str, outcome: Outcome | None, minutes: int = 0) -> Run:
        created = NOW + timedelta(minutes=minutes)
        ended = created + timedelta(seconds=30) if outcome else None
        fields = {"observation_job": "sources", "job_run": run, "outcome": outcome}
        return a_run(name, asset=name, kind="observe", created_at=created, ended_at=ended, **fields)

    def status(self, *runs: Run, previous: Json | None = None, planned: Planned = Planned()) -> Json:  # noqa: B008
        return job_status(a_world({}, *runs), self.JOB, previous or {}, planned, NOW, None)

    def test_a_run_that_goes_on(self) -> None:
        status = self.status(self.member("raw", "r1", Outcome.CHANGED), self.member("other", "r1", None))
        last = status["lastRun"]
        assert (last["name"], last["phase"], last["observed"], last["changed"]) == ("r1", "Active", 1, 1)
        assert status["active"] == ["other"]

    def test_a_run_in_which_one_failed(self) -> None:
        runs = (self.member("raw", "r1", Outcome.UNCHANGED), self.member("other", "r1", Outcome.FAILED))
        last = self.status(*runs)["lastRun"]
        assert (last["phase"], last["unchanged"], last["failed"]) == ("Failed", 1, 1)
        assert last["end"] == "2026-11-22T12:00:30Z"

    def test_who_failed_is_named_with_the_reason_as_far_as_it_is_of_this_run(self) -> None:
        runs = [self.member(f"a{n:02}", "r1", Outcome.FAILED) for n in range(12)]
        world = a_world({}, *runs)
        world.states[runs[0].asset] = AssetState(failure=replace(a_failure("no bucket"), run="a00"))  # type: ignore[index]
        world.states[runs[1].asset] = AssetState(failure=replace(a_failure("of another run"), run="x"))  # type: ignore[index]
        world.runs.put(replace(runs[2], message="DeadlineExceeded"))
        last = job_status(world, self.JOB, {}, Planned(), NOW, None)["lastRun"]
        assert last["failedAssets"] == [f"a{n:02}" for n in range(12)]
        assert last["message"].startswith("12 of 12 failed: a00: no bucket; a01; a02: DeadlineExceeded; a03; ")
        assert last["message"].endswith("; a09; and 2 more")

    def test_a_run_that_succeeded_is_the_last_success(self) -> None:
        status = self.status(self.member("raw", "r1", Outcome.CHANGED))
        assert (status["lastRun"]["phase"], status["lastSuccessfulTime"]) == ("Succeeded", "2026-11-22T12:00:30Z")

    def test_the_newest_run_is_shown(self) -> None:
        runs = (self.member("raw", "r1", Outcome.CHANGED), self.member("other", "r2", Outcome.CHANGED, minutes=5))
        assert self.status(*runs)["lastRun"]["name"] == "r2"

    @pytest.mark.parametrize(("older", "newer"), [("r1", "r2"), ("r2", "r1")])
    def test_of_two_runs_in_one_second_the_later_one_is_shown(self, older: str, newer: str) -> None:
        first = self.member("raw", older, Outcome.CHANGED)
        second = replace(self.member("raw", newer, None), ref=a_ref("raw-again"), fence=first.fence + 1)
        status = self.status(first, second, previous=self.status(first))
        assert (status["lastRun"]["name"], status["lastRun"]["phase"]) == (newer, "Active")

    def test_pruning_does_not_change_what_has_happened(self) -> None:
        full = self.status(self.member("raw", "r1", Outcome.CHANGED), self.member("other", "r1", Outcome.CHANGED))
        partly = self.status(self.member("raw", "r1", Outcome.CHANGED), previous=full)
        assert partly["lastRun"] == full["lastRun"] == self.status(previous=full)["lastRun"]

    def test_older_jobs_do_not_bring_an_older_run_back(self) -> None:
        newest = self.status(self.member("raw", "r2", Outcome.CHANGED, minutes=5))
        left = self.status(self.member("other", "r1", Outcome.CHANGED), previous=newest)
        assert left["lastRun"]["name"] == "r2"

    def test_what_was_answered_is_remembered(self) -> None:
        assert self.status()["lastHandledRequest"] == "t0"
        answered = self.status(planned=Planned(handled_request="t1", handled_generation=4))
        assert (answered["lastHandledRequest"], answered["appliedGeneration"]) == ("t1", 4)

    def test_an_error_is_its_readiness(self) -> None:
        status = job_status(World(), self.JOB, {}, Planned(), NOW, (Reason.MIXED_SELECTION, "cannot observe: x"))
        assert conditions(status)["Ready"] == ("False", "MixedSelection")

    def test_suspended_is_ready(self) -> None:
        status = job_status(World(), replace(self.JOB, suspended=True), {}, Planned(), NOW, None)
        assert conditions(status)["Ready"] == ("True", "Suspended")


class TestSchedule:
    """Ticks, and what became of them."""

    DAILY = Schedule(a_ref("daily"), "u", "0 6 * * *", "sources", active_since=NOW, observed_schedule="0 6 * * * UTC")

    def status(self, planned: Planned, previous: Json | None = None, *runs: Run) -> Json:
        return schedule_status(a_world({}, *runs), self.DAILY, previous or {}, planned, NOW, None)

    def test_a_tick_that_fired(self) -> None:
        status = self.status(Planned(tick=NOW, upcoming=(NOW + timedelta(days=1),)))
        assert (status["lastScheduleTime"], status["nextScheduleTime"]) == (
            "2026-11-22T12:00:00Z",
            "2026-11-23T12:00:00Z",
        )
        assert (status["activeSince"], status["observedSchedule"]) == ("2026-11-22T12:00:00Z", "0 6 * * * UTC")

    def test_the_ticks_to_come_are_shown(self) -> None:
        days = [NOW + timedelta(days=n) for n in (1, 2)]
        status = self.status(Planned(upcoming=tuple(days)))
        assert status["upcoming"] == ["2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"]
        assert status["nextScheduleTime"] == status["upcoming"][0]

    def test_missed_ticks_add_up(self) -> None:
        first = self.status(Planned(tick=NOW, missed=2))
        assert self.status(Planned(tick=NOW, missed=3), first)["missedTicks"] == 5

    def test_a_skipped_tick_is_kept_until_the_next_one(self) -> None:
        first = self.status(Planned(tick=NOW, skipped=Skipped(NOW, "Forbidden")))
        assert first["lastSkipped"] == {"tick": "2026-11-22T12:00:00Z", "reason": "Forbidden"}
        assert self.status(Planned(), first)["lastSkipped"] == first["lastSkipped"]

    def test_its_runs_are_shown(self) -> None:
        fields = {"observation_job": "sources", "asset": "raw", "kind": "observe"}
        mine = a_run("raw-1", job_run="r1", trigger="Schedule", **fields)
        mine = replace(mine, trigger=replace(mine.trigger, detail="sources: schedule daily, tick t"))
        other = a_run("raw-2", job_run="r2", trigger="Request", **fields)
        assert self.status(Planned(), None, mine, other)["active"] == ["r1"]
        ended = replace(mine, outcome=Outcome.CHANGED, ended_at=NOW)
        assert self.status(Planned(), None, ended)["lastSuccessfulTime"] == "2026-11-22T12:00:00Z"
        failed = replace(mine, outcome=Outcome.FAILED, ended_at=NOW)
        assert "lastSuccessfulTime" not in self.status(Planned(), None, failed)

    def test_the_builds_of_one_that_materializes_are_shown(self) -> None:
        nightly = Schedule(a_ref("nightly"), "u", ("0 6 * * *",), None, Rebuild(read_selection("*")))
        mine = a_run("clean-1", asset="clean", trigger=Trigger(TriggerType.SCHEDULE, "schedule nightly, tick t"))
        done = replace(mine, outcome=Outcome.MATERIALIZED, ended_at=NOW)
        for run, shown in ((mine, {"active": ["clean-1"]}), (done, {"lastSuccessfulTime": "2026-11-22T12:00:00Z"})):
            world = a_world({RAW: AssetState(), CLEAN: AssetState()}, run, a_run("clean-2", asset="clean"))
            status = schedule_status(world, nightly, {}, Planned(current=NOW), NOW, None)
            assert status | shown == status
            assert status["currentTick"] == "2026-11-22T12:00:00Z"

    def test_a_tick_that_goes_on_is_kept_while_something_is_wrong(self) -> None:
        current = replace(self.DAILY, current=NOW)
        wrong = schedule_status(a_world({}), current, {}, Planned(), NOW, (Reason.NOTHING_SELECTED, "nobody"))
        assert wrong["currentTick"] == "2026-11-22T12:00:00Z"
        assert "currentTick" not in schedule_status(a_world({}), current, {}, Planned(), NOW, None)


COUNTS = {
    "a list": (Static(("eu", "us", "asia")), 2, {"total": 3, "known": 2, "unknown": 1}),
    "fewer than were once reported": (Static(("eu",)), 2, {"total": 1, "known": 2, "unknown": 0}),
    "what was reported": (Dynamic(), 7, {"total": 7, "known": 7, "unknown": 0}),
}


@pytest.mark.parametrize(("cut", "known", "counts"), COUNTS.values(), ids=COUNTS)
def test_partitions_are_counted(cut: Partitions, known: int, counts: Json) -> None:
    state = replace(a_state("v1"), partitions=known)
    status = status_of(replace(RAW, partitions=cut), state)
    assert status["partitions"] == counts
    assert remembered_state(status).partitions == known
    assert "partitions" not in status_of(RAW, a_state("v1"))
