"""How long an Eager asset is held back: `settle` and `minInterval`, and what never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from builders import NOW, a_failure, a_materialized, a_ref, a_run, a_state, an_asset
from upwell_operator.domain.actions import Planned
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.materializing import wanted_run
from upwell_operator.domain.plan import plan, settle_pending
from upwell_operator.domain.snapshot import Asset, AssetState, Outcome, Run, RunPhase
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RAW = an_asset("raw")
SETTLED = an_asset("clean", deps=["raw"], eager=True, settle=30 * SECOND)
SPACED = an_asset("clean", deps=["raw"], eager=True, min_interval=10 * MINUTE)
LONG_AGO = NOW - timedelta(days=1)


def a_world(states: dict[Asset, AssetState], *runs: Run) -> World:
    world = World()
    for asset, state in states.items():
        world.graph.put(asset)
        world.states[asset.id] = state
    for run in runs:
        world.runs.put(run)
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    settle_pending(world, world.graph.refs(), NOW)
    return world


def planned(world: World, now: datetime = NOW, name: str = "clean") -> Planned:
    return plan(world, Kind.ASSET, a_ref(name), now)


def why(result: Planned) -> tuple[Verb, str]:
    return result.decisions[0].verb, result.decisions[0].reason


def built(*, at: datetime = LONG_AGO, run: str = "clean-1") -> AssetState:
    return a_materialized("c1", {"raw": "v1"}, at=at, run=run)


def ended(name: str = "clean-1", *, began: datetime, **fields: object) -> Run:
    over = {"phase": RunPhase.SUCCEEDED, "outcome": Outcome.MATERIALIZED, **fields}
    return a_run(name, asset="clean", created_at=began, **over)


class TestSettle:
    """It waits until no input has changed for that long."""

    def world(self, changed: datetime, clean: Asset = SETTLED) -> World:
        return a_world({RAW: a_state("v2", at=changed), clean: built()})

    def test_it_waits_and_says_for_what_and_until_when(self) -> None:
        result = planned(self.world(NOW - 10 * SECOND))
        assert why(result) == (Verb.WAIT, Why.SETTLING)
        assert result.wake == NOW + 20 * SECOND
        assert result.decisions[0].message == (
            "input raw changed at 2026-11-22T11:59:50Z; "
            "runs at 2026-11-22T12:00:20Z, 30s after the last change (settle)"
        )

    def test_it_runs_at_that_moment(self) -> None:
        world = self.world(NOW)
        assert why(planned(world, NOW + 29 * SECOND)) == (Verb.WAIT, Why.SETTLING)
        assert why(planned(world, NOW + 30 * SECOND)) == (Verb.RUN, Why.STALE)

    def test_the_input_that_changed_last_counts(self) -> None:
        other, clean = an_asset("other"), replace(SETTLED, deps=(RAW.ref, a_ref("other")))
        states = {RAW: a_state("v2", at=LONG_AGO), other: a_state("o", at=NOW - SECOND), clean: AssetState()}
        assert planned(a_world(states)).wake == NOW + 29 * SECOND

    def test_looking_again_at_what_has_not_changed_does_not_lengthen_it(self) -> None:
        seen_again = replace(a_state("v2", at=NOW), version_changed_at=LONG_AGO)
        assert why(planned(a_world({RAW: seen_again, SETTLED: built()}))) == (Verb.RUN, Why.STALE)

    def test_an_input_of_which_nobody_knows_when_it_changed_holds_nothing_back(self) -> None:
        unknown = replace(a_state("v2"), version_changed_at=None)
        assert why(planned(a_world({RAW: unknown, SETTLED: built()}))) == (Verb.RUN, Why.STALE)

    def test_the_run_has_the_name_it_would_have_without(self) -> None:
        world, plain = self.world(NOW), replace(SETTLED, settle=None)
        assert wanted_run(world, SETTLED) == wanted_run(self.world(NOW, plain), plain)

    def test_a_request_is_answered_at_once(self) -> None:
        assert why(planned(self.world(NOW, replace(SETTLED, request="t1")))) == (Verb.RUN, Why.REQUESTED)

    def test_who_is_below_waits_for_it(self) -> None:
        mart = an_asset("mart", deps=["clean", "raw"], eager=True)
        made = a_materialized("m1", {"clean": "c1", "raw": "v1"})
        world = a_world({RAW: a_state("v2", at=NOW), SETTLED: built(), mart: made})
        assert why(planned(world, name="mart")) == (Verb.WAIT, Why.UPSTREAM_PENDING)


class TestMinInterval:
    """It waits until the start of the last run is that long ago."""

    def world(self, *runs: Run, state: AssetState | None = None, clean: Asset = SPACED) -> World:
        return a_world({RAW: a_state("v2"), clean: state or built()}, *runs)

    def test_it_waits_and_says_since_when_and_until_when(self) -> None:
        result = planned(self.world(ended(began=NOW - 4 * MINUTE)))
        assert why(result) == (Verb.WAIT, Why.MIN_INTERVAL)
        assert result.wake == NOW + 6 * MINUTE
        assert result.decisions[0].message == (
            "the last run began at 2026-11-22T11:56:00Z; the next one at 2026-11-22T12:06:00Z, 10m later (minInterval)"
        )

    def test_it_runs_at_that_moment(self) -> None:
        world = self.world(ended(began=NOW))
        assert why(planned(world, NOW + 10 * MINUTE - SECOND)) == (Verb.WAIT, Why.MIN_INTERVAL)
        assert why(planned(world, NOW + 10 * MINUTE)) == (Verb.RUN, Why.STALE)

    STARTS = {
        "a run that went well": ((ended(began=NOW - MINUTE),), None, NOW - MINUTE),
        "a run that failed": (
            (ended("clean-2", began=NOW - MINUTE, phase=RunPhase.FAILED, outcome=Outcome.FAILED),),
            None,
            NOW - MINUTE,
        ),
        "a run whose Job is gone: its result": ((), built(at=NOW - MINUTE), NOW - MINUTE),
        "a result from outside": ((), built(at=NOW - MINUTE, run=""), NOW - MINUTE),
        "a failure whose Job is gone": (
            (),
            replace(built(), failure=a_failure(kind="materialize", at=NOW - MINUTE)),
            NOW - MINUTE,
        ),
        "its Job rather than its result": ((ended(began=NOW - 3 * MINUTE),), built(at=NOW), NOW - 3 * MINUTE),
    }

    @pytest.mark.parametrize(("runs", "state", "began"), STARTS.values(), ids=STARTS.keys())
    def test_what_counts_as_the_last_start(
        self, runs: tuple[Run, ...], state: AssetState | None, began: datetime
    ) -> None:
        assert planned(self.world(*runs, state=state)).wake == began + 10 * MINUTE

    def test_the_first_run_waits_for_nothing(self) -> None:
        assert why(planned(self.world(state=AssetState()))) == (Verb.RUN, Why.STALE)

    def test_a_failed_observation_is_no_run_of_this_kind(self) -> None:
        looked = replace(built(), failure=a_failure(kind="observe", at=NOW))
        assert why(planned(self.world(state=looked))) == (Verb.RUN, Why.STALE)

    def test_a_request_is_answered_at_once(self) -> None:
        clean = replace(SPACED, request="t1")
        assert why(planned(self.world(ended(began=NOW), clean=clean))) == (Verb.RUN, Why.REQUESTED)


def test_of_both_the_longer_one_counts() -> None:
    clean = replace(SPACED, settle=30 * SECOND)
    world = a_world({RAW: a_state("v2", at=NOW), clean: built()}, ended(began=NOW - MINUTE))
    assert (why(planned(world)), planned(world).wake) == ((Verb.WAIT, Why.MIN_INTERVAL), NOW + 9 * MINUTE)
    world = a_world({RAW: a_state("v2", at=NOW), clean: built()}, ended(began=NOW - 9 * MINUTE - 59 * SECOND))
    assert (why(planned(world)), planned(world).wake) == ((Verb.WAIT, Why.SETTLING), NOW + 30 * SECOND)
