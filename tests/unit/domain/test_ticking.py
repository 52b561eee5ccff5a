"""Assets that are built at their ticks, if they are stale then: policy Cron."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from builders import NOW, a_failure, a_materialized, a_ref, a_run, a_state, an_asset
from upwell_operator.domain import ticking
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.asset_status import asset_status
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.plan import plan, settle_pending
from upwell_operator.domain.snapshot import Asset, AssetState, AutoPolicy, Cron, Outcome, Run, RunPhase, TriggerType
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SIX = NOW.replace(hour=6)
"""The tick of today; it is noon."""
CRON = Cron("0 6 * * *", "UTC", SIX - DAY, NOW - 30 * DAY, "0 6 * * * UTC")
RAW = an_asset("raw")
CLEAN = an_asset("clean", deps=["raw"], policy=AutoPolicy.CRON, cron=CRON)
BUILT = a_materialized("c1", {"raw": "v1"}, at=NOW - 2 * DAY, run="clean-1")


def a_world(states: dict[Asset, AssetState], *runs: Run, now: datetime = NOW) -> World:
    world = World()
    for asset, state in states.items():
        world.graph.put(asset)
        world.states[asset.id] = state
    for run in runs:
        world.runs.put(run)
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), now)
    settle_pending(world, world.graph.refs(), now)
    return world


def stale(*runs: Run, clean: Asset = CLEAN, state: AssetState = BUILT, now: datetime = NOW) -> World:
    return a_world({RAW: a_state("v2"), clean: state}, *runs, now=now)


def planned(world: World, now: datetime = NOW, name: str = "clean") -> Planned:
    return plan(world, Kind.ASSET, a_ref(name), now)


def why(result: Planned) -> tuple[Verb, str]:
    return result.decisions[0].verb, result.decisions[0].reason


def the_start(result: Planned) -> StartRun:
    (start,) = (one for one in result.actions if isinstance(one, StartRun))
    return start


def answered(asset: Asset = CLEAN, tick: datetime = SIX) -> Asset:
    return replace(asset, cron=replace(asset.cron or CRON, last_tick=tick))


class TestATickThatIsDue:
    """It is answered by one run, or by being fresh."""

    def test_a_stale_asset_is_built_and_the_tick_is_answered_with_it(self) -> None:
        result = planned(stale())
        assert (why(result), result.tick) == ((Verb.RUN, Why.DUE), SIX)
        start = the_start(result)
        assert (start.trigger.type, start.trigger.detail) == (TriggerType.CRON, f"tick {SIX.isoformat()}")
        assert [one.data_version for one in start.inputs] == ["v2"]

    def test_a_fresh_one_answers_it_by_being_fresh(self) -> None:
        result = planned(a_world({RAW: a_state("v1"), CLEAN: BUILT}))
        assert (why(result), result.actions, result.tick) == ((Verb.NO_RUN, Why.FRESH), (), SIX)

    def test_of_one_that_may_be_fresh_the_tick_stays_open(self) -> None:
        result = planned(a_world({RAW: a_state("v1", failure=a_failure()), CLEAN: BUILT}))
        assert (result.actions, result.tick) == ((), None)

    def test_one_that_turns_stale_after_it_waits_for_the_next(self) -> None:
        result = planned(stale(clean=answered()))
        assert (why(result), result.actions) == ((Verb.WAIT, Why.NEXT_TICK), ())
        assert result.decisions[0].message == "stale; it is built at its next tick, 2026-11-23T06:00:00Z"

    def test_whatever_is_decided_it_is_looked_at_again_at_the_next(self) -> None:
        worlds = [
            stale(),
            stale(clean=answered()),
            a_world({RAW: a_state("v1"), CLEAN: BUILT}),
            stale(a_run("x", asset="clean")),
        ]
        assert {planned(world).wake for world in worlds} == {SIX + DAY}

    def test_of_ticks_that_were_missed_the_newest_counts_once(self) -> None:
        result = planned(stale(clean=answered(tick=SIX - 9 * DAY)))
        assert result.tick == SIX
        assert len(result.actions) == 1

    def test_what_failed_is_tried_again_at_the_next_with_the_same_inputs(self) -> None:
        first = the_start(planned(stale())).ref.name
        failed = a_run(first, asset="clean", created_at=NOW, phase=RunPhase.FAILED, outcome=Outcome.FAILED)
        tomorrow = SIX + DAY
        result = planned(stale(failed, clean=answered(), now=tomorrow), tomorrow)
        assert why(result) == (Verb.RUN, Why.DUE)
        assert the_start(result).ref.name != first

    def test_looking_twice_gives_the_same_run(self) -> None:
        assert the_start(planned(stale())).ref == the_start(planned(stale(), NOW + MINUTE)).ref


class TestACrash:
    """Between the Job and the status that says the tick is answered."""

    def test_while_the_run_goes_on_nothing_is_started(self) -> None:
        assert why(planned(stale(a_run("clean-2", asset="clean")))) == (Verb.WAIT, Why.NEXT_TICK)

    ENDS = {
        "failed": (RunPhase.FAILED, Outcome.FAILED),
        "went well, and an input changed meanwhile": (RunPhase.SUCCEEDED, Outcome.MATERIALIZED),
    }

    @pytest.mark.parametrize(("phase", "outcome"), ENDS.values(), ids=ENDS.keys())
    def test_a_run_that_began_since_the_tick_has_answered_it(self, phase: RunPhase, outcome: Outcome) -> None:
        run = a_run("clean-2", asset="clean", created_at=SIX, phase=phase, outcome=outcome)
        result = planned(stale(run))
        assert (why(result), result.actions, result.tick) == ((Verb.WAIT, Why.NEXT_TICK), (), SIX)

    def test_one_that_began_before_has_not(self) -> None:
        run = a_run(
            "clean-2", asset="clean", created_at=SIX - MINUTE, phase=RunPhase.SUCCEEDED, outcome=Outcome.MATERIALIZED
        )
        assert why(planned(stale(run))) == (Verb.RUN, Why.DUE)


class TestWaiting:
    """A tick stays open while something else must happen first."""

    MART = an_asset("mart", deps=["clean"], policy=AutoPolicy.CRON, cron=CRON)
    MADE = a_materialized("m1", {"clean": "c1"}, at=NOW - 2 * DAY, run="mart-1")

    def test_two_with_the_same_line_are_built_one_after_the_other(self) -> None:
        world = a_world({RAW: a_state("v2"), CLEAN: BUILT, self.MART: self.MADE})
        assert why(planned(world)) == (Verb.RUN, Why.DUE)
        below = planned(world, name="mart")
        assert (why(below), below.tick) == ((Verb.WAIT, Why.UPSTREAM_PENDING), None)
        rebuilt = a_materialized("c2", {"raw": "v2"}, at=NOW, run="clean-2")
        world = a_world({RAW: a_state("v2"), answered(): rebuilt, self.MART: self.MADE})
        assert (why(planned(world, name="mart")), planned(world, name="mart").tick) == ((Verb.RUN, Why.DUE), SIX)

    def test_eager_below_waits_while_the_tick_is_open_and_not_between_ticks(self) -> None:
        mart = an_asset("mart", deps=["clean", "raw"], eager=True)
        made = a_materialized("m1", {"clean": "c1", "raw": "v1"})
        states = {RAW: a_state("v2"), mart: made}
        assert why(planned(a_world({**states, CLEAN: BUILT}), name="mart")) == (Verb.WAIT, Why.UPSTREAM_PENDING)
        assert why(planned(a_world({**states, answered(): BUILT}), name="mart")) == (Verb.RUN, Why.STALE)

    def test_suspended_it_stays_open(self) -> None:
        result = planned(stale(clean=replace(CLEAN, suspended=True)))
        assert (why(result), result.tick) == ((Verb.WAIT, Why.SUSPENDED), None)

    def test_a_request_is_answered_between_ticks(self) -> None:
        assert why(planned(stale(clean=replace(answered(), request="t1")))) == (Verb.RUN, Why.REQUESTED)


class TestSince:
    """From when ticks are owed."""

    def fresh_line(self, **fields: object) -> Asset:
        return replace(CLEAN, cron=Cron("0 6 * * *"), **fields)  # type: ignore[arg-type]

    def test_a_new_assets_ticks_count_from_its_creation(self) -> None:
        assert planned(stale(clean=self.fresh_line(created_at=SIX - MINUTE))).tick == SIX
        assert why(planned(stale(clean=self.fresh_line(created_at=SIX + MINUTE)))) == (Verb.WAIT, Why.NEXT_TICK)

    def test_those_of_a_policy_that_was_set_later_count_from_then(self) -> None:
        assert why(planned(stale(clean=self.fresh_line(generation=2)))) == (Verb.WAIT, Why.NEXT_TICK)

    def test_those_of_a_changed_line_as_well(self) -> None:
        clean = replace(CLEAN, cron=replace(CRON, line="0 11 * * *"))
        assert why(planned(stale(clean=clean))) == (Verb.WAIT, Why.NEXT_TICK)

    def test_the_line_is_read_in_its_zone(self) -> None:
        cron = Cron("0 6 * * *", "Asia/Tokyo", None, NOW - 30 * DAY, "0 6 * * * Asia/Tokyo")
        assert planned(stale(clean=replace(CLEAN, cron=cron))).tick == (NOW - DAY).replace(hour=21)

    def test_without_a_line_there_is_no_tick(self) -> None:
        assert ticking.newest(RAW, NOW) is None


class TestALineThatCannotWork:
    """It is told with the names of an Asset's fields, and nobody below waits for it."""

    WRONG = {
        "a zone": (Cron("0 6 * * *", "Europe/Lisboa"), "spec.autoMaterialize.timeZone: "),
        "a line": (Cron("0 6 32 * *"), "spec.autoMaterialize.cron: "),
    }

    @pytest.mark.parametrize(("cron", "says"), WRONG.values(), ids=WRONG.keys())
    def test_a_person_must_act(self, cron: Cron, says: str) -> None:
        world = stale(clean=replace(CLEAN, cron=cron))
        with pytest.raises(Stalled) as error:
            planned(world)
        assert str(error.value).startswith(says)
        assert CLEAN.ref not in world.pending

    def test_status_is_written_all_the_same(self) -> None:
        clean = replace(CLEAN, cron=Cron("0 6 32 * *"))
        assert "nextScheduleTime" not in asset_status(stale(clean=clean), clean, {}, NOW, handled=None)["cron"]


def test_status_says_what_was_answered_and_what_comes() -> None:
    status = asset_status(stale(), CLEAN, {}, NOW, handled=None, tick=SIX)
    assert status["cron"] == {
        "lastScheduleTime": "2026-11-22T06:00:00Z",
        "nextScheduleTime": "2026-11-23T06:00:00Z",
        "activeSince": "2026-10-23T12:00:00Z",
        "observedSchedule": "0 6 * * * UTC",
    }
    assert asset_status(stale(), CLEAN, {}, NOW, handled=None)["cron"]["lastScheduleTime"] == "2026-11-21T06:00:00Z"
