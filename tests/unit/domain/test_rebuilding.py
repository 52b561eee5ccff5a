"""What a tick of a Schedule with `materialize` wants built, and how it comes to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, a_failure, a_materialized, a_ref, a_run, a_state, an_asset
from upwell.protocol import RunKind
from upwell_operator.domain.actions import EndRun, Planned, StartRun
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.identity import requested_run
from upwell_operator.domain.plan import plan, settle_pending
from upwell_operator.domain.schedules import Rebuild, Schedule
from upwell_operator.domain.snapshot import (
    Asset,
    AssetState,
    ConcurrencyPolicy,
    Outcome,
    Ref,
    Run,
    Trigger,
    TriggerType,
)
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason
from upwell_operator.resources.selection import read_selection

RAW = an_asset("raw")
CLEAN, DAILY, OTHER = (
    an_asset(name, deps=[dep]) for name, dep in (("clean", "raw"), ("daily", "clean"), ("other", "raw"))
)
EARLIER, BEFORE = NOW - timedelta(days=1), NOW - timedelta(days=2)
NOON = NOW
NIGHTLY = Schedule(
    a_ref("nightly"),
    "uid-nightly",
    ("0 12 * * *",),
    None,
    Rebuild(read_selection("*")),
    last_tick=EARLIER,
    created_at=NOW - timedelta(days=30),
)
OPEN = replace(NIGHTLY, last_tick=NOON, current=NOON)
STALE: dict[Asset, AssetState] = {
    RAW: a_state("v2", at=BEFORE),
    CLEAN: a_materialized("c1", {"raw": "v1"}, at=BEFORE),
    DAILY: a_materialized("d1", {"clean": "c1"}, at=BEFORE),
    OTHER: a_materialized("o1", {"raw": "v2"}, at=BEFORE),
}


def a_world(states: dict[Asset, AssetState], *runs: Run, reachable: bool = True) -> World:
    world = World(store_reachable=reachable)
    for asset, state in states.items():
        world.graph.put(asset)
        world.states[asset.id] = state
    for run in runs:
        world.runs.put(run)
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    settle_pending(world, world.graph.refs(), NOW)
    return world


def planned(world: World, schedule: Schedule = NIGHTLY) -> Planned:
    world.schedules[schedule.ref] = schedule
    return plan(world, Kind.SCHEDULE, schedule.ref, NOW)


def wanted(result: Planned) -> list[str]:
    return [ref.name for ref, _ in result.wanted]


def words(result: Planned) -> str:
    return result.decisions[-1].message


def of_tick(asset: Asset, **fields: Any) -> Run:
    """Give the run that the tick of noon wants of an asset."""
    name = requested_run(asset, RunKind.MATERIALIZE, f"uid-nightly {NOON.isoformat()}")
    trigger = Trigger(TriggerType.SCHEDULE, f"schedule nightly, tick {NOON.isoformat()}")
    return a_run(name, asset=asset.ref, trigger=trigger, **fields)


class TestTheTick:
    """What is wanted, in which order."""

    def test_it_wants_what_can_be_built_now_and_stays_current_while_something_waits(self) -> None:
        result = planned(a_world(STALE))
        assert (wanted(result), result.tick, result.current) == (["clean"], NOON, NOON)
        assert words(result) == (
            "tick 2026-11-22T12:00:00+00:00: builds clean; then daily; nothing to mend in other; "
            "left out (suspended, by partition and not onlyStale, or no spec.materialize) raw"
        )
        assert result.actions == ()

    def test_without_only_stale_it_wants_everything_that_can_be_materialized(self) -> None:
        everything = replace(NIGHTLY, rebuild=Rebuild(read_selection("*"), only_stale=False))
        assert wanted(planned(a_world(STALE), everything)) == ["clean", "other"]

    def test_what_runs_is_waited_for(self) -> None:
        result = planned(a_world(STALE, of_tick(CLEAN)), OPEN)
        assert (wanted(result), result.tick, result.current) == ([], None, NOON)

    def test_what_is_below_follows_once_that_is_built(self) -> None:
        done = {**STALE, CLEAN: a_materialized("c2", {"raw": "v2"})}
        result = planned(a_world(done, of_tick(CLEAN, phase="Succeeded", outcome=Outcome.MATERIALIZED)), OPEN)
        assert (wanted(result), result.current) == (["daily"], NOON)

    def test_what_is_below_is_left_alone_if_that_came_to_the_same_version(self) -> None:
        same = {**STALE, CLEAN: a_materialized("c1", {"raw": "v2"})}
        result = planned(a_world(same, of_tick(CLEAN, phase="Succeeded", outcome=Outcome.MATERIALIZED)), OPEN)
        assert (wanted(result), result.current) == ([], None)

    ANSWERS = {
        "its run failed": (STALE, of_tick(CLEAN, phase="Failed", outcome=Outcome.FAILED)),
        "its run failed, and its Job is gone": (
            {**STALE, CLEAN: replace(STALE[CLEAN], failure=a_failure(kind="materialize"))},
        ),
    }

    @pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS.keys())
    def test_below_what_failed_nothing_is_built(self, case: tuple[Any, ...]) -> None:
        result = planned(a_world(*case), OPEN)
        assert (wanted(result), result.current) == ([], None)
        assert "failed, or an input did clean, daily" in words(result)

    def test_what_was_built_since_the_tick_is_built(self) -> None:
        built = {**STALE, CLEAN: a_materialized("c2", {"raw": "v2"}, at=NOON + timedelta(seconds=1))}
        assert wanted(planned(a_world(built), OPEN)) == ["daily"]

    def test_a_failure_of_before_is_no_answer(self) -> None:
        before = replace(STALE[CLEAN], failure=a_failure(kind="materialize", at=BEFORE))
        assert wanted(planned(a_world({**STALE, CLEAN: before}))) == ["clean"]

    def test_a_suspended_asset_is_left_out_and_said(self) -> None:
        states = {replace(asset, suspended=asset is CLEAN): state for asset, state in STALE.items()}
        assert "left out (suspended, by partition and not onlyStale, or no spec.materialize) raw, clean" in words(
            planned(a_world(states))
        )

    def test_a_tick_at_which_nothing_is_stale_is_answered_with_that(self) -> None:
        result = planned(a_world({RAW: a_state("v2"), OTHER: STALE[OTHER]}))
        assert (result.tick, result.current, result.wanted) == (NOON, None, ())
        assert (result.decisions[0].verb, result.decisions[0].reason) == (Verb.NO_RUN, Why.FRESH)

    def test_a_selection_of_nothing_that_can_be_materialized_is_an_error(self) -> None:
        sources = replace(NIGHTLY, rebuild=Rebuild(read_selection("raw")))
        with pytest.raises(Stalled, match="it selects no asset of this namespace that has") as error:
            planned(a_world(STALE), sources)
        assert error.value.reason == Reason.NOTHING_SELECTED

    def test_a_suspended_schedule_keeps_its_place(self) -> None:
        result = planned(a_world(STALE), replace(OPEN, suspended=True))
        assert (result.current, result.wanted) == (NOON, ())


class TestTheNextTick:
    """What an earlier tick does to it."""

    YESTERDAY = replace(NIGHTLY, current=EARLIER)

    def test_it_is_skipped_while_a_run_of_the_earlier_one_goes_on(self) -> None:
        trigger = Trigger(TriggerType.SCHEDULE, f"schedule nightly, tick {EARLIER.isoformat()}")
        result = planned(a_world(STALE, a_run("c-1", asset="clean", trigger=trigger)), self.YESTERDAY)
        assert result.skipped is not None
        assert (result.skipped.reason, result.current) == ("Forbidden", EARLIER)

    def test_a_run_that_somebody_else_asked_for_holds_nothing_back(self) -> None:
        others = Trigger(TriggerType.SCHEDULE, f"schedule weekly, tick {EARLIER.isoformat()}")
        runs = [a_run("c-1", asset="clean", trigger=others), a_run("o-1", asset="other", trigger="Request")]
        assert planned(a_world(STALE, *runs), self.YESTERDAY).tick == NOON

    @pytest.mark.parametrize(("policy", "ended"), [("Allow", []), ("Replace", ["c-1"])])
    def test_with_another_policy_it_begins_beside_it_or_ends_it(self, policy: str, ended: list[str]) -> None:
        trigger = Trigger(TriggerType.SCHEDULE, f"schedule nightly, tick {EARLIER.isoformat()}")
        schedule = replace(self.YESTERDAY, concurrency=ConcurrencyPolicy(policy))
        result = planned(a_world(STALE, a_run("c-1", asset="clean", trigger=trigger)), schedule)
        assert [run.ref.name for one in result.actions if isinstance(one, EndRun) for run in one.runs] == ended
        assert (wanted(result), result.current) == (["clean"], NOON)

    def test_it_takes_over_what_has_not_begun(self) -> None:
        result = planned(a_world(STALE), self.YESTERDAY)
        assert (wanted(result), result.current, result.tick) == (["clean"], NOON, NOON)
        assert {build.tick for _, build in result.wanted} == {NOON}


class TestTheAsset:
    """It starts what ticks want of it."""

    def asset(self, world: World, *schedules: Schedule) -> Planned:
        for schedule in schedules or (NIGHTLY,):
            world.wanted[schedule.ref] = dict(planned(world, schedule).wanted)
        return plan(world, Kind.ASSET, CLEAN.ref, NOW)

    def test_it_starts_the_run_under_the_name_of_the_tick(self) -> None:
        result = self.asset(a_world(STALE))
        (start,) = result.actions
        assert isinstance(start, StartRun)
        assert (start.ref, start.trigger) == (of_tick(CLEAN).ref, of_tick(CLEAN).trigger)
        assert [(one.key, one.data_version) for one in start.inputs] == [("raw", "v2")]
        assert (result.decisions[0].verb, result.decisions[0].reason) == (Verb.RUN, Why.DUE)

    def test_an_eager_one_starts_one_run_and_not_two(self) -> None:
        states = {
            replace(asset, policy="Eager" if asset is CLEAN else "Never"): state for asset, state in STALE.items()
        }
        assert [start.ref for start in self.asset(a_world(states)).actions] == [of_tick(CLEAN).ref]

    def test_of_two_schedules_one_starts_it_first(self) -> None:
        weekly = replace(NIGHTLY, ref=Ref("shop", "weekly"), uid="uid-weekly")
        assert [start.ref for start in self.asset(a_world(STALE), weekly, NIGHTLY).actions] == [of_tick(CLEAN).ref]

    WAITS = {
        "its own run": (a_run("c-1", asset="clean"), Why.ALREADY_RUNNING),
        "the run of an input": (a_run("r-1", asset="raw"), Why.UPSTREAM_PENDING),
    }

    @pytest.mark.parametrize(("run", "reason"), WAITS.values(), ids=WAITS.keys())
    def test_it_waits(self, run: Run, reason: Why) -> None:
        result = self.asset(a_world(STALE, run))
        assert (result.actions, result.decisions[0].verb, result.decisions[0].reason) == ((), Verb.WAIT, reason)
        assert result.decisions[0].message.startswith("schedule nightly, tick 2026-11-22T12:00:00+00:00: ")

    def test_what_is_answered_is_not_started_again(self) -> None:
        world = a_world(STALE)
        world.wanted[NIGHTLY.ref] = dict(planned(world).wanted)
        world.runs.put(of_tick(CLEAN, phase="Failed", outcome=Outcome.FAILED))
        assert plan(world, Kind.ASSET, CLEAN.ref, NOW).actions == ()
