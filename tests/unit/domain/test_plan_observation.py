"""When sources are observed, when an ObservationJob runs, and when a Schedule fires."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from builders import NOW, a_ref, a_run, a_state, an_asset
from upwell_operator.domain import partitions
from upwell_operator.domain.actions import EndRun, Planned, StartRun
from upwell_operator.domain.clocks import Dst
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.identity import delay
from upwell_operator.domain.observing import selected
from upwell_operator.domain.plan import plan
from upwell_operator.domain.schedules import MissedRuns, Schedule
from upwell_operator.domain.scheduling import activated
from upwell_operator.domain.snapshot import (
    Asset,
    AssetState,
    ConcurrencyPolicy,
    ObservationJob,
    Outcome,
    Requirement,
    Run,
    RunPhase,
    Trigger,
    TriggerType,
)
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason
from upwell_operator.resources.schedule import MakeUp
from upwell_operator.resources.selection import read_selection

RAW, OTHER = an_asset("raw"), an_asset("other")
JOB = ObservationJob(a_ref("sources"), "uid-job", ("raw", "other"))
DAILY = Schedule(
    a_ref("daily"), "uid-daily", ("0 6 * * *",), "sources", created_at=NOW - timedelta(days=30), active_since=None
)
SIX = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def a_world(*things: Asset | ObservationJob | Schedule | Run, states: dict[Asset, AssetState] | None = None) -> World:
    world = World()
    for thing in things:
        if isinstance(thing, Asset):
            world.graph.put(thing)
        elif isinstance(thing, ObservationJob):
            world.jobs[thing.ref] = thing
        elif isinstance(thing, Schedule):
            world.schedules[thing.ref] = thing
        else:
            world.runs.put(thing)
    world.states.update({asset.id: state for asset, state in (states or {}).items()})
    return world


def starts(result: Planned) -> list[StartRun]:
    return [one for one in result.actions if isinstance(one, StartRun)]


def ends(result: Planned) -> list[EndRun]:
    return [one for one in result.actions if isinstance(one, EndRun)]


def why(result: Planned) -> tuple[Verb, str]:
    return result.decisions[0].verb, result.decisions[0].reason


class TestSource:
    """One source, by request and by interval."""

    def planned(self, asset: Asset, *runs: Run, state: AssetState | None = None, now: datetime = NOW) -> Planned:
        return plan(a_world(asset, *runs, states={asset: state or AssetState()}), Kind.ASSET, asset.ref, now)

    def test_nothing_is_observed_unasked(self) -> None:
        assert self.planned(RAW) == Planned()

    def test_a_request_is_one_run(self) -> None:
        asked = replace(RAW, request="t1")
        (start,) = starts(self.planned(asked))
        again = self.planned(asked, a_run(start.ref.name, asset="raw", kind="observe"))
        assert (start.request, starts(again), again.handled_request) == ("t1", [], "t1")

    def test_a_request_of_a_suspended_source_waits(self) -> None:
        result = self.planned(replace(RAW, request="t1", suspended=True))
        assert (why(result), result.handled_request) == ((Verb.WAIT, Why.SUSPENDED), None)

    HOURLY = replace(RAW, every=timedelta(hours=1), created_at=NOW - timedelta(minutes=90))

    def test_an_interval_that_nobody_looked_in_is_due(self) -> None:
        result = self.planned(self.HOURLY)
        assert len(starts(result)) == 1
        assert result.wake == NOW + timedelta(minutes=30)

    def test_an_asset_that_is_cut_by_time_is_looked_at_again_when_a_window_is_over(self) -> None:
        window = partitions.TimeWindow("0 0 * * *", datetime(2026, 1, 1), None, ZoneInfo("UTC"), "%Y-%m-%d")  # noqa: DTZ001
        midnight = NOW.replace(hour=0) + timedelta(days=1)
        assert self.planned(replace(RAW, partitions=window)).wake == midnight
        assert self.planned(replace(self.HOURLY, partitions=window)).wake == NOW + timedelta(minutes=30)
        assert self.planned(replace(RAW, partitions=partitions.Static(("eu",)))).wake is None

    def test_an_interval_has_one_name(self) -> None:
        later = NOW + timedelta(minutes=10)
        names = {starts(self.planned(self.HOURLY, now=now))[0].ref for now in (NOW, later)}
        assert len(names) == 1
        assert starts(self.planned(self.HOURLY, now=NOW + timedelta(hours=1)))[0].ref not in names

    LOOKED = {
        "a run": ([a_run("r", asset="raw", kind="observe", phase="Succeeded", outcome=Outcome.UNCHANGED)], None),
        "an observation": ([], a_state("v1", at=NOW - timedelta(minutes=5))),
    }

    @pytest.mark.parametrize(("runs", "state"), LOOKED.values(), ids=LOOKED.keys())
    def test_an_interval_is_looked_in_once(self, runs: list[Run], state: AssetState | None) -> None:
        result = self.planned(self.HOURLY, *runs, state=state)
        assert (starts(result), result.wake) == ([], NOW + timedelta(minutes=30))

    def test_an_observation_that_takes_longer_than_its_interval_is_waited_for(self) -> None:
        old = a_run("r", asset="raw", kind="observe", created_at=NOW - timedelta(hours=2))
        assert why(self.planned(self.HOURLY, old)) == (Verb.WAIT, Why.ALREADY_RUNNING)

    def test_a_suspended_source_is_not_observed(self) -> None:
        assert starts(self.planned(replace(self.HOURLY, suspended=True))) == []


class TestObservationJob:
    """Several sources together."""

    def planned(self, job: ObservationJob, *others: Asset | Run) -> Planned:
        return plan(a_world(job, *others), Kind.OBSERVATION_JOB, job.ref, NOW)

    def test_it_does_nothing_by_itself(self) -> None:
        assert self.planned(JOB, RAW, OTHER) == Planned()

    def test_a_request_observes_every_asset_once(self) -> None:
        result = self.planned(replace(JOB, request="t1"), RAW, OTHER)
        assert sorted(start.asset.ref.name for start in starts(result)) == ["other", "raw"]
        assert {start.job_run for start in starts(result)} == {result.job_run}
        assert result.handled_request == "t1"

    def test_a_request_that_was_half_done_is_finished_under_the_same_names(self) -> None:
        first = starts(self.planned(replace(JOB, request="t1"), RAW, OTHER))
        known = a_run("x", asset="raw", kind="observe", observation_job="sources", job_run=first[0].job_run)
        result = self.planned(replace(JOB, request="t1"), RAW, OTHER, known)
        assert [start.ref for start in starts(result)] == [start.ref for start in first]
        assert result.handled_request == "t1"

    def test_run_on_apply_is_once_for_each_generation(self) -> None:
        applied = replace(JOB, run_on_apply=True, generation=2)
        first = self.planned(applied, RAW, OTHER)
        assert first.handled_generation == 2
        assert starts(self.planned(replace(applied, applied_generation=2), RAW, OTHER)) == []
        assert self.planned(replace(applied, generation=3), RAW, OTHER).job_run != first.job_run

    HELD = {
        "suspended": (replace(JOB, request="t1", suspended=True), (), Why.SUSPENDED),
        "its last run is not over": (
            replace(JOB, request="t1"),
            (a_run("x", asset="raw", kind="observe", observation_job="sources", job_run="earlier"),),
            Why.FORBIDDEN,
        ),
    }

    @pytest.mark.parametrize(("job", "runs", "reason"), HELD.values(), ids=HELD.keys())
    def test_it_waits(self, job: ObservationJob, runs: tuple[Run, ...], reason: Why) -> None:
        result = self.planned(job, RAW, OTHER, *runs)
        assert (why(result), result.actions, result.handled_request) == ((Verb.WAIT, reason), (), None)

    def test_a_suspended_member_is_left_out(self) -> None:
        result = self.planned(replace(JOB, request="t1"), RAW, replace(OTHER, suspended=True))
        assert [start.asset.ref.name for start in starts(result)] == ["raw"]

    def test_a_job_that_is_gone_plans_nothing(self) -> None:
        assert plan(World(), Kind.OBSERVATION_JOB, JOB.ref, NOW) == Planned()

    def test_a_mixed_selection_is_an_error_that_names_who_cannot_be_observed(self) -> None:
        with pytest.raises(Stalled, match=r"cannot observe: other \(no observe function\)") as error:
            self.planned(JOB, RAW, an_asset("other", kind="Derived"))
        assert error.value.reason == Reason.MIXED_SELECTION

    BY = {
        "a selection": {"selection": read_selection("group:raw")},
        "labels": {"selector": (Requirement("tier", "In", ("raw",)),)},
    }

    @pytest.mark.parametrize("by", BY.values(), ids=BY.keys())
    def test_what_is_selected_is_looked_up_anew_for_each_run(self, by: dict[str, Any]) -> None:
        job = replace(JOB, assets=(), request="t1", **by)
        raw, other = (replace(one, group="raw", labels=(("tier", "raw"),)) for one in (RAW, OTHER))
        assert [one.asset.ref.name for one in starts(self.planned(job, raw, OTHER))] == ["raw"]
        assert [one.asset.ref.name for one in starts(self.planned(job, raw, other))] == ["other", "raw"]

    @pytest.mark.parametrize("by", BY.values(), ids=BY.keys())
    def test_a_selection_of_nothing_is_an_error(self, by: dict[str, Any]) -> None:
        with pytest.raises(Stalled, match=r"spec\.sele\w+: it selects no asset of this namespace") as error:
            self.planned(replace(JOB, assets=(), **by), RAW, OTHER)
        assert error.value.reason == Reason.NOTHING_SELECTED

    def test_a_selection_with_one_that_cannot_be_observed_is_mixed(self) -> None:
        job = replace(JOB, assets=(), selection=read_selection("*"))
        with pytest.raises(Stalled, match=r"cannot observe: clean \(no observe function\)") as error:
            self.planned(job, RAW, an_asset("clean", deps=["raw"]))
        assert error.value.reason == Reason.MIXED_SELECTION

    def test_a_name_that_is_no_asset_is_an_error(self) -> None:
        with pytest.raises(Stalled, match=r"spec.assets: no such asset: other; apply them") as error:
            self.planned(JOB, RAW)
        assert error.value.reason == Reason.ASSET_NOT_FOUND

    def test_of_many_names_the_first_ten_are_said(self) -> None:
        many = replace(JOB, assets=tuple(f"a{n}" for n in range(12)))
        with pytest.raises(Stalled, match="a9 and 2 more"):
            selected(a_world(many), many)


class TestSchedule:
    """Ticks, each answered once."""

    def planned(self, schedule: Schedule, *others: Asset | ObservationJob | Run, now: datetime = NOW) -> Planned:
        parts = others or (JOB, RAW, OTHER)
        return plan(a_world(schedule, *parts), Kind.SCHEDULE, schedule.ref, now)

    def test_the_tick_that_is_due_runs_the_job(self) -> None:
        result = self.planned(replace(DAILY, last_tick=SIX - timedelta(days=1)))
        assert (len(starts(result)), result.tick, result.missed) == (2, SIX, 0)
        assert result.wake == SIX + timedelta(days=1)
        assert result.upcoming == tuple(SIX + timedelta(days=n) for n in range(1, 6))

    def test_a_tick_is_answered_once(self) -> None:
        result = self.planned(replace(DAILY, last_tick=SIX))
        assert (result.actions, result.tick) == ((), None)

    def test_a_tick_that_was_half_done_is_finished_under_the_same_names(self) -> None:
        first = self.planned(replace(DAILY, last_tick=SIX - timedelta(days=1)))
        begun = a_run(
            starts(first)[0].ref.name, asset="raw", kind="observe", observation_job="sources", job_run=first.job_run
        )
        again = self.planned(replace(DAILY, last_tick=SIX - timedelta(days=1)), JOB, RAW, OTHER, begun)
        assert [start.ref for start in starts(again)] == [start.ref for start in starts(first)]

    def test_after_downtime_the_newest_tick_runs_and_the_others_are_counted(self) -> None:
        result = self.planned(replace(DAILY, last_tick=SIX - timedelta(days=4)))
        assert (result.tick, result.missed, len(starts(result))) == (SIX, 3, 2)

    def test_a_tick_before_the_schedule_existed_is_not_its_own(self) -> None:
        assert self.planned(replace(DAILY, created_at=NOW - timedelta(hours=1))).tick is None

    SKIPPED = {
        "too late": (replace(DAILY, starting_deadline=timedelta(minutes=5)), (JOB, RAW, OTHER), Why.DEADLINE),
        "the job still runs": (
            DAILY,
            (JOB, RAW, OTHER, a_run("x", asset="raw", kind="observe", observation_job="sources", job_run="earlier")),
            Why.FORBIDDEN,
        ),
        "the job is suspended": (DAILY, (replace(JOB, suspended=True), RAW, OTHER), Why.SUSPENDED),
        "the job cannot run": (DAILY, (JOB, RAW), Why.JOB_NOT_READY),
    }

    @pytest.mark.parametrize(("schedule", "others", "reason"), SKIPPED.values(), ids=SKIPPED.keys())
    def test_a_tick_that_cannot_run_is_skipped_with_its_reason(
        self, schedule: Schedule, others: tuple[Asset | ObservationJob | Run, ...], reason: Why
    ) -> None:
        result = self.planned(schedule, *others)
        assert result.skipped is not None
        assert (result.skipped.tick, result.skipped.reason, result.tick) == (SIX, reason.value, SIX)
        assert starts(result) == []

    def test_a_suspended_schedule_fires_nothing(self) -> None:
        result = self.planned(replace(DAILY, suspended=True))
        assert (why(result), result.tick, result.wake) == ((Verb.NO_RUN, Why.SUSPENDED), None, None)

    def test_a_job_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(Stalled, match=r'spec.job.name: no ObservationJob "sources" in namespace shop'):
            self.planned(DAILY, RAW)

    def test_a_schedule_that_is_gone_plans_nothing(self) -> None:
        assert plan(World(), Kind.SCHEDULE, DAILY.ref, NOW) == Planned()


DAY = timedelta(days=1)
EARLIER = a_run("x", asset="raw", kind="observe", observation_job="sources", job_run="earlier")


class TestMissedTicks:
    """What becomes of ticks that could not be answered in time: DAILY at six, five days without Upwell, noon."""

    DOWN = replace(DAILY, last_tick=SIX - 5 * DAY)
    RESUMED = replace(
        DAILY,
        last_tick=SIX - 5 * DAY,
        active_since=NOW,
        suspended_since=NOW - 5 * DAY,
        observed_schedule="0 6 * * * UTC",
    )

    def answers(self, schedule: Schedule, *runs: Run, now: datetime = NOW) -> list[tuple[datetime, str, int]]:
        """Answer tick after tick, as passes do: each with what became of it, and how many were counted as missed."""
        answers = []
        for _ in range(20):
            planned = plan(a_world(schedule, JOB, RAW, OTHER, *runs), Kind.SCHEDULE, schedule.ref, now)
            if planned.tick is None:
                break
            answers.append((planned.tick, planned.skipped.reason if planned.skipped else "Run", planned.missed))
            schedule = replace(activated(schedule, now), last_tick=planned.tick)
            if planned.wake != now:
                break
        return answers

    def test_none_is_made_up_for(self) -> None:
        none = replace(self.DOWN, missed_runs=MissedRuns(MakeUp.NONE))
        assert self.answers(none) == [(SIX, "Missed", 5)]

    def test_one_that_is_answered_within_a_minute_was_not_missed(self) -> None:
        none = replace(self.DOWN, missed_runs=MissedRuns(MakeUp.NONE))
        assert self.answers(none, now=SIX + timedelta(seconds=59)) == [(SIX, "Run", 4)]

    def test_the_last_is_made_up_for(self) -> None:
        assert self.answers(self.DOWN) == [(SIX, "Run", 4)]

    def test_all_are_made_up_for_the_oldest_first(self) -> None:
        everything = replace(self.DOWN, missed_runs=MissedRuns(MakeUp.ALL))
        assert self.answers(everything) == [(SIX - n * DAY, "Run", 0) for n in (4, 3, 2, 1, 0)]

    def test_all_means_the_newest_so_many(self) -> None:
        two = replace(self.DOWN, missed_runs=MissedRuns(MakeUp.ALL, most=2))
        assert self.answers(two) == [(SIX - DAY, "Run", 3), (SIX, "Run", 0)]

    def test_a_deadline_holds_for_each_of_them(self) -> None:
        late = replace(self.DOWN, missed_runs=MissedRuns(MakeUp.ALL), starting_deadline=timedelta(hours=31))
        assert [reason for _, reason, _ in self.answers(late)] == ["Deadline"] * 3 + ["Run"] * 2

    def test_one_of_all_waits_for_the_run_before_it(self) -> None:
        everything = replace(self.DOWN, missed_runs=MissedRuns(MakeUp.ALL))
        waiting = plan(a_world(everything, JOB, RAW, OTHER, EARLIER), Kind.SCHEDULE, DAILY.ref, NOW)
        assert (why(waiting), waiting.tick, waiting.wake) == ((Verb.WAIT, Why.FORBIDDEN), None, SIX + DAY)

    def test_one_that_is_in_time_is_skipped_while_the_job_runs_also_with_all(self) -> None:
        everything = replace(DAILY, last_tick=SIX - DAY, missed_runs=MissedRuns(MakeUp.ALL))
        assert self.answers(everything, EARLIER, now=SIX) == [(SIX, "Forbidden", 0)]

    def test_after_a_resume_the_last_of_the_suspension_can_be_made_up_for(self) -> None:
        last = replace(self.RESUMED, missed_runs=MissedRuns(on_resume=MakeUp.LAST))
        assert self.answers(last) == [(SIX, "Run", 0)]

    def test_after_a_resume_all_can_be_made_up_for(self) -> None:
        two = replace(self.RESUMED, missed_runs=MissedRuns(MakeUp.NONE, MakeUp.ALL, most=2))
        assert self.answers(two) == [(SIX - DAY, "Run", 0), (SIX, "Run", 0)]

    def test_a_tick_of_the_suspension_is_skipped_with_the_reason_and_those_since_are_not(self) -> None:
        assert self.answers(self.RESUMED, now=SIX + DAY) == [(SIX, "Suspended", 0), (SIX + DAY, "Run", 0)]

    def test_the_words_of_a_skipped_tick_say_what_would_have_made_it_run(self) -> None:
        none = replace(self.RESUMED, missed_runs=MissedRuns(MakeUp.NONE))
        suspended = plan(a_world(none, JOB), Kind.SCHEDULE, DAILY.ref, NOW).decisions[0].message
        assert suspended.endswith("spec.suspend was true, and spec.missedRuns.onResume is None, and 4 before it")
        missed = plan(a_world(replace(self.DOWN, missed_runs=none.missed_runs), JOB), Kind.SCHEDULE, DAILY.ref, NOW)
        assert missed.decisions[0].message.endswith("21600 s late, and spec.missedRuns.policy is None, and 4 before it")


class TestJitter:
    """A schedule that fires some time after its ticks, always the same."""

    SPREAD = replace(DAILY, last_tick=SIX - DAY, jitter=timedelta(hours=1))
    DELAY = delay("uid-daily", timedelta(hours=1))

    def planned(self, schedule: Schedule, now: datetime) -> Planned:
        return plan(a_world(schedule, JOB, RAW, OTHER), Kind.SCHEDULE, schedule.ref, now)

    def test_it_fires_after_its_delay_under_the_name_of_the_tick(self) -> None:
        instant = timedelta(milliseconds=1)
        early = self.planned(self.SPREAD, SIX + self.DELAY - instant)
        assert (early.tick, early.upcoming[0], early.wake) == (None, SIX, SIX + self.DELAY)
        fired = self.planned(self.SPREAD, SIX + self.DELAY)
        assert (fired.tick, fired.upcoming[0], fired.wake) == (SIX, SIX + DAY, SIX + DAY + self.DELAY)
        assert fired.actions == self.planned(replace(self.SPREAD, jitter=timedelta()), SIX).actions

    def test_the_delay_does_not_make_it_late(self) -> None:
        strict = replace(self.SPREAD, starting_deadline=timedelta(seconds=1))
        assert self.planned(strict, SIX + self.DELAY + timedelta(seconds=1)).skipped is None

    def test_a_tick_of_a_suspension_has_the_delay_as_well(self) -> None:
        resumed = replace(
            self.SPREAD,
            active_since=SIX + timedelta(seconds=1),
            suspended_since=SIX - DAY,
            observed_schedule="0 6 * * * UTC",
            missed_runs=MissedRuns(on_resume=MakeUp.LAST),
        )
        assert self.planned(resumed, SIX + timedelta(seconds=1)).wake == SIX + self.DELAY
        assert self.planned(resumed, SIX + self.DELAY).tick == SIX

    def test_many_schedules_are_spread_evenly(self) -> None:
        delays = [delay(f"uid-{n}", timedelta(seconds=60)) for n in range(1000)]
        for begin in range(0, 60, 6):
            within = [one for one in delays if timedelta(seconds=begin) <= one < timedelta(seconds=begin + 6)]
            assert 60 < len(within) < 140
        assert delay("any", timedelta()) == timedelta()


class TestBetweenTicks:
    """What a tick does while runs go on: the schedule's policy, and that of the job, at six."""

    AT_SIX = replace(DAILY, last_tick=SIX - DAY)
    SIDE_BY_SIDE = replace(JOB, concurrency=ConcurrencyPolicy.ALLOW)
    YESTERDAY = a_run(
        "raw-1",
        asset="raw",
        kind="observe",
        observation_job="sources",
        job_run="yesterday",
        trigger=Trigger(TriggerType.OBSERVATION_JOB, f"sources: schedule daily, tick {(SIX - DAY).isoformat()}"),
    )
    REQUESTED = replace(YESTERDAY, trigger=Trigger(TriggerType.OBSERVATION_JOB, "sources: request t1"))
    OVER = replace(YESTERDAY, phase=RunPhase.SUCCEEDED)

    def planned(self, policy: str, job: ObservationJob, *runs: Run) -> Planned:
        schedule = replace(self.AT_SIX, concurrency=ConcurrencyPolicy(policy))
        return plan(a_world(schedule, job, RAW, OTHER, *runs), Kind.SCHEDULE, schedule.ref, SIX)

    CASES = {
        "Forbid skips it": ("Forbid", SIDE_BY_SIDE, YESTERDAY, "Forbidden", 0, 0),
        "Forbid is between ticks, not of requests": ("Forbid", SIDE_BY_SIDE, REQUESTED, None, 0, 2),
        "Allow lets both go on": ("Allow", SIDE_BY_SIDE, YESTERDAY, None, 0, 2),
        "Allow does not overrule the job": ("Allow", JOB, YESTERDAY, "Forbidden", 0, 0),
        "Replace ends the earlier tick's run": ("Replace", SIDE_BY_SIDE, YESTERDAY, None, 1, 2),
        "which gives way, so the job forbids nothing": ("Replace", JOB, YESTERDAY, None, 1, 2),
        "a request's run does not give way": ("Replace", JOB, REQUESTED, "Forbidden", 0, 0),
        "nor is it ended": ("Replace", SIDE_BY_SIDE, REQUESTED, None, 0, 2),
        "what is over keeps its result": ("Replace", JOB, OVER, None, 0, 2),
    }

    @pytest.mark.parametrize(("policy", "job", "run", "skipped", "ended", "started"), CASES.values(), ids=CASES.keys())
    def test_both_policies_hold(
        self, policy: str, job: ObservationJob, run: Run, skipped: str | None, ended: int, started: int
    ) -> None:
        result = self.planned(policy, job, run)
        assert (result.skipped and result.skipped.reason) == skipped
        assert (len(ends(result)), len(starts(result))) == (ended, started)

    def test_replace_says_who_was_replaced_and_by_which_tick(self) -> None:
        result = self.planned("Replace", self.SIDE_BY_SIDE, self.YESTERDAY)
        assert result.decisions[0].message.endswith("; ends run yesterday (concurrencyPolicy Replace)")
        assert ends(result)[0].message.startswith(f"replaced by tick {SIX.isoformat()} of schedule daily")
        assert isinstance(result.actions[0], EndRun)

    def test_a_run_that_both_would_end_is_ended_once(self) -> None:
        replacing = replace(JOB, concurrency=ConcurrencyPolicy.REPLACE)
        assert len(ends(self.planned("Replace", replacing, self.YESTERDAY))) == 1

    @pytest.mark.parametrize("policy", ConcurrencyPolicy)
    def test_a_tick_is_never_held_nor_ended_by_its_own_run(self, policy: str) -> None:
        first = starts(self.planned(policy, self.SIDE_BY_SIDE))[0]
        own = replace(self.YESTERDAY, ref=first.ref, job_run=first.job_run, trigger=first.trigger)
        result = self.planned(policy, JOB, own)
        assert (ends(result), len(starts(result))) == ([], 2)


class TestActivation:
    """From when ticks count."""

    WATCHED = replace(DAILY, active_since=NOW - timedelta(days=9), observed_schedule="0 6 * * * UTC")

    def test_a_new_schedule_counts_from_its_creation(self) -> None:
        assert activated(DAILY, NOW).active_since == DAILY.created_at

    def test_without_a_creation_time_it_counts_from_now(self) -> None:
        assert activated(replace(DAILY, created_at=None), NOW).active_since == NOW

    def test_nothing_changes_while_nothing_changes(self) -> None:
        assert activated(self.WATCHED, NOW) is self.WATCHED

    def test_another_line_counts_from_now(self) -> None:
        assert activated(replace(self.WATCHED, lines=("0 7 * * *",)), NOW).active_since == NOW

    def test_another_rule_for_the_change_of_clocks_counts_from_now(self) -> None:
        changed = activated(replace(self.WATCHED, dst=Dst("Both", "Skip")), NOW)
        assert (changed.active_since, changed.observed_schedule) == (NOW, "0 6 * * * UTC Both Skip")

    def test_a_resume_remembers_when_the_suspension_began(self) -> None:
        suspended = activated(replace(self.WATCHED, suspended=True), NOW)
        later = NOW + timedelta(days=3)
        resumed = activated(replace(suspended, suspended=False), later)
        assert (suspended.observed_schedule, suspended.suspended_since) == ("", None)
        assert (resumed.active_since, resumed.suspended_since) == (later, NOW)
        changed = activated(replace(resumed, lines=("0 7 * * *",)), later)
        assert changed.suspended_since is None

    def test_one_that_was_created_suspended_counts_from_then(self) -> None:
        created = activated(replace(DAILY, suspended=True), NOW)
        resumed = activated(replace(created, suspended=False), NOW + DAY)
        assert (resumed.active_since, resumed.suspended_since) == (NOW + DAY, NOW)
