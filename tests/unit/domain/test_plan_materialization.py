"""When a derived asset is materialized, and the words for when it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, a_failure, a_materialized, a_ref, a_run, a_state, an_asset
from upwell.protocol import RunKind
from upwell_operator.domain.actions import Planned, PruneRun, StartRun
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.materializing import wanted_run
from upwell_operator.domain.plan import follow, plan, settle_pending
from upwell_operator.domain.snapshot import Asset, AssetState, Outcome, Run, RunPhase
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind

RAW = an_asset("raw")
CLEAN = an_asset("clean", deps=["raw"], eager=True)


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


def planned(world: World, name: str = "clean") -> Planned:
    return plan(world, Kind.ASSET, a_ref(name), NOW)


def why(result: Planned) -> tuple[Verb, str]:
    return result.decisions[0].verb, result.decisions[0].reason


def the_start(result: Planned) -> StartRun:
    (start,) = (one for one in result.actions if isinstance(one, StartRun))
    return start


def of_clean(name: str, **fields: object) -> Run:
    return a_run(name, asset="clean", **fields)


def test_a_stale_eager_asset_is_built_from_what_its_inputs_are_now() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: a_materialized("c1", {"raw": "v1"})})
    start = the_start(planned(world))
    assert [(one.key, one.data_version) for one in start.inputs] == [("raw", "v2")]
    assert (start.kind, start.fence, start.request) == (RunKind.MATERIALIZE, 1, None)
    assert why(planned(world)) == (Verb.RUN, Why.STALE)


def test_looking_twice_gives_the_same_run() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: a_materialized("c1", {"raw": "v1"})})
    assert the_start(planned(world)).ref == the_start(planned(world)).ref


def test_the_name_says_which_run_it_replaces() -> None:
    """Own state is read after the inputs and before a Job is made, so two operators agree on what is replaced."""
    names = {
        the_start(planned(a_world({RAW: a_state("v2"), CLEAN: a_materialized("c1", {"raw": "v1"}, run=run)}))).ref.name
        for run in ("clean-1", "clean-2")
    }
    assert len(names) == 2


FRESH_OR_NOT = {
    "fresh": ({RAW: a_state("v1"), CLEAN: a_materialized("c1", {"raw": "v1"})}, (Verb.NO_RUN, Why.FRESH)),
    "changed and changed back": (
        {RAW: a_state("v1"), CLEAN: a_materialized("c1", {"raw": "v1"})},
        (Verb.NO_RUN, Why.FRESH),
    ),
    "stale, but nobody asked for more than the label": (
        {RAW: a_state("v2"), an_asset("clean", deps=["raw"]): a_materialized("c1", {"raw": "v1"})},
        (Verb.NO_RUN, Why.POLICY_NEVER),
    ),
    "suspended": (
        {RAW: a_state("v2"), replace(CLEAN, suspended=True): a_materialized("c1", {"raw": "v1"})},
        (Verb.WAIT, Why.SUSPENDED),
    ),
    "an input was never observed": ({RAW: a_state(None), CLEAN: AssetState()}, (Verb.WAIT, Why.INPUT_MISSING)),
    "an unknown source": (
        {RAW: a_state("v1", failure=a_failure()), CLEAN: a_materialized("c1", {"raw": "v1"})},
        (Verb.NO_RUN, Why.FRESH),
    ),
}


@pytest.mark.parametrize(("states", "expected"), FRESH_OR_NOT.values(), ids=FRESH_OR_NOT.keys())
def test_it_is_left_alone_with_a_reason(states: dict[Asset, AssetState], expected: tuple[Verb, str]) -> None:
    result = planned(a_world(states))
    assert (why(result), result.actions) == (expected, ())


def test_while_a_run_goes_on_nothing_is_started() -> None:
    world = a_world({RAW: a_state("v3"), CLEAN: a_materialized("c1", {"raw": "v1"})}, of_clean("clean-1"))
    assert why(planned(world)) == (Verb.WAIT, Why.ALREADY_RUNNING)


def test_a_run_that_is_over_but_not_recorded_still_holds_the_next_one_back() -> None:
    ended = of_clean("clean-1", phase=RunPhase.SUCCEEDED)
    world = a_world({RAW: a_state("v3"), CLEAN: a_materialized("c1", {"raw": "v1"})}, ended)
    assert why(planned(world)) == (Verb.WAIT, Why.ALREADY_RUNNING)


def test_without_the_store_nothing_is_built() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: a_materialized("c1", {"raw": "v1"})}, reachable=False)
    assert why(planned(world)) == (Verb.WAIT, Why.STORE_UNAVAILABLE)


class TestFailed:
    """What happens after a run of these very versions has failed."""

    def world(self, state: AssetState, *runs: Run, clean: Asset = CLEAN, version: str = "v2") -> World:
        return a_world({RAW: a_state(version), clean: state}, *runs)

    def failed_run(self) -> str:
        return wanted_run(self.world(a_materialized("c1", {"raw": "v1"})), CLEAN)[0]

    def failed_state(self) -> AssetState:
        failure = replace(a_failure(kind="materialize"), run=self.failed_run())
        return a_materialized("c1", {"raw": "v1"}, failure=failure)

    def test_it_is_not_tried_again(self) -> None:
        assert why(planned(self.world(self.failed_state()))) == (Verb.NO_RUN, Why.RUN_FAILED)

    def test_the_job_alone_is_enough_to_know(self) -> None:
        job = of_clean(self.failed_run(), phase=RunPhase.FAILED, outcome=Outcome.FAILED)
        world = self.world(a_materialized("c1", {"raw": "v1"}), job)
        assert why(planned(world)) == (Verb.NO_RUN, Why.RUN_FAILED)

    def test_another_version_of_an_input_is_tried(self) -> None:
        assert why(planned(self.world(self.failed_state(), version="v3"))) == (Verb.RUN, Why.STALE)

    def test_another_code_version_is_tried(self) -> None:
        clean = replace(CLEAN, code_version="2")
        assert why(planned(self.world(self.failed_state(), clean=clean))) == (Verb.RUN, Why.STALE)

    def test_a_mended_template_is_tried(self) -> None:
        clean = replace(CLEAN, template="mended")
        assert why(planned(self.world(self.failed_state(), clean=clean))) == (Verb.RUN, Why.STALE)

    def test_a_request_is_answered(self) -> None:
        clean = replace(CLEAN, request="again")
        assert why(planned(self.world(self.failed_state(), clean=clean))) == (Verb.RUN, Why.REQUESTED)

    def test_nobody_below_waits_for_it(self) -> None:
        world = self.world(self.failed_state())
        assert CLEAN.ref not in world.pending


class TestAgain:
    """A set of versions that was built before, and is wanted once more."""

    def test_versions_that_come_back_are_built_again_under_another_name(self) -> None:
        first = wanted_run(a_world({RAW: a_state("v1"), CLEAN: AssetState()}), CLEAN)[0]
        over = of_clean(first, phase=RunPhase.SUCCEEDED, outcome=Outcome.MATERIALIZED)
        world = a_world({RAW: a_state("v1"), CLEAN: a_materialized("c2", {"raw": "v2"}, run="clean-2")}, over)
        again = the_start(planned(world)).ref.name
        assert again != first
        assert again == the_start(planned(world)).ref.name

    def test_the_name_is_the_same_whether_or_not_the_job_that_built_them_first_is_pruned(self) -> None:
        first = wanted_run(a_world({RAW: a_state("v1"), CLEAN: AssetState()}), CLEAN)[0]
        over = of_clean(first, phase=RunPhase.SUCCEEDED, outcome=Outcome.MATERIALIZED)
        states = {RAW: a_state("v1"), CLEAN: a_materialized("c2", {"raw": "v2"}, run="clean-2")}
        assert wanted_run(a_world(states, over), CLEAN) == wanted_run(a_world(states), CLEAN)

    def test_what_has_only_become_too_old_is_built_again(self) -> None:
        clean = replace(CLEAN, maximum_lag=timedelta(hours=1))
        current = wanted_run(a_world({RAW: a_state("v1"), clean: AssetState()}), clean)[0]
        old = a_materialized("c1", {"raw": "v1"}, at=NOW - timedelta(hours=2), run=current)
        start = the_start(planned(a_world({RAW: a_state("v1"), clean: old})))
        assert start.trigger.detail == "FreshnessExpired"
        assert start.ref.name != current

    def test_a_lost_state_does_not_stop_it(self) -> None:
        first = wanted_run(a_world({RAW: a_state("v1"), CLEAN: AssetState()}), CLEAN)[0]
        over = of_clean(first, phase=RunPhase.SUCCEEDED, outcome=Outcome.MATERIALIZED)
        world = a_world({RAW: a_state("v1"), CLEAN: AssetState()}, over)
        assert the_start(planned(world)).ref.name != first


class TestDiamond:
    """raw → left, right → mart: the bottom waits for both sides, and is built once."""

    LEFT, RIGHT = (an_asset(name, deps=["raw"], eager=True) for name in ("left", "right"))
    MART = an_asset("mart", deps=["left", "right", "raw"], eager=True)

    def world(self, left: str, right: str, *runs: Run) -> World:
        return a_world(
            {
                RAW: a_state("v2"),
                self.LEFT: a_materialized("l", {"raw": left}),
                self.RIGHT: a_materialized("r", {"raw": right}),
                self.MART: a_materialized("m", {"left": "l", "right": "r", "raw": "v1"}),
            },
            *runs,
        )

    def test_both_sides_start_at_once(self) -> None:
        world = self.world("v1", "v1")
        assert why(planned(world, "left")) == why(planned(world, "right")) == (Verb.RUN, Why.STALE)

    def test_the_bottom_waits_for_a_side_that_will_be_built(self) -> None:
        assert why(planned(self.world("v2", "v1"), "mart")) == (Verb.WAIT, Why.UPSTREAM_PENDING)

    def test_the_bottom_waits_for_a_side_that_runs(self) -> None:
        world = self.world("v2", "v2", a_run("right-1", asset="right"))
        assert why(planned(world, "mart")) == (Verb.WAIT, Why.UPSTREAM_PENDING)

    def test_the_bottom_is_built_when_both_sides_are_done(self) -> None:
        assert why(planned(self.world("v2", "v2"), "mart")) == (Verb.RUN, Why.STALE)

    def test_an_observation_that_runs_is_not_waited_for(self) -> None:
        world = self.world("v2", "v2", a_run("raw-1", asset="raw", kind="observe"))
        assert why(planned(world, "mart")) == (Verb.RUN, Why.STALE)


def test_staleness_further_up_starts_nothing_by_itself() -> None:
    lazy, below = an_asset("lazy", deps=["raw"]), an_asset("below", deps=["lazy"], eager=True)
    states = {RAW: a_state("v2"), lazy: a_materialized("l", {"raw": "v1"}), below: a_materialized("b", {"lazy": "l"})}
    result = planned(a_world(states), "below")
    assert (why(result), result.actions) == ((Verb.WAIT, Why.UPSTREAM_PENDING), ())


class TestRequested:
    """The annotation: once per token, whatever the freshness."""

    FRESH = {RAW: a_state("v1"), replace(CLEAN, request="t1"): a_materialized("c1", {"raw": "v1"})}

    def test_a_fresh_asset_is_built_when_asked(self) -> None:
        result = planned(a_world(self.FRESH))
        assert the_start(result).request == result.handled_request == "t1"

    def test_a_request_that_has_its_run_is_answered(self) -> None:
        first = the_start(planned(a_world(self.FRESH)))
        result = planned(a_world(self.FRESH, of_clean(first.ref.name)))
        assert (result.actions, result.handled_request) == ((), "t1")

    def test_an_answered_request_is_not_answered_again(self) -> None:
        clean = replace(CLEAN, request="t1", handled_request="t1")
        result = planned(a_world({RAW: a_state("v1"), clean: a_materialized("c1", {"raw": "v1"})}))
        assert (result.actions, result.handled_request) == ((), None)

    def test_two_tokens_are_two_runs(self) -> None:
        second = {RAW: a_state("v1"), replace(CLEAN, request="t2"): a_materialized("c1", {"raw": "v1"})}
        assert the_start(planned(a_world(self.FRESH))).ref != the_start(planned(a_world(second))).ref

    @pytest.mark.parametrize(
        ("changes", "runs", "reason"),
        [
            ({"suspended": True}, (), Why.SUSPENDED),
            ({}, (of_clean("clean-1"),), Why.ALREADY_RUNNING),
        ],
        ids=["suspended", "already running"],
    )
    def test_it_waits(self, changes: dict[str, object], runs: tuple[Run, ...], reason: Why) -> None:
        clean = replace(CLEAN, request="t1", **changes)  # type: ignore[arg-type]
        result = planned(a_world({RAW: a_state("v1"), clean: a_materialized("c1", {"raw": "v1"})}, *runs))
        assert (why(result), result.handled_request) == ((Verb.WAIT, reason), None)

    def test_it_waits_for_an_input_that_was_asked_for_as_well(self) -> None:
        clean, mart = replace(CLEAN, request="t1"), an_asset("mart", deps=["clean"], request="t1")
        world = a_world({RAW: a_state("v1"), clean: a_materialized("c"), mart: AssetState()})
        assert why(planned(world, "mart")) == (Verb.WAIT, Why.UPSTREAM_PENDING)
        assert why(planned(world, "clean")) == (Verb.RUN, Why.REQUESTED)


def test_a_broken_asset_is_not_built_and_says_why() -> None:
    orphan = an_asset("clean", deps=["nowhere"], eager=True)
    assert why(planned(a_world({orphan: AssetState()}))) == (Verb.NO_RUN, "DependencyNotFound")


def test_an_asset_that_is_gone_plans_nothing() -> None:
    assert planned(World(), "gone") == Planned()


def test_an_external_asset_cannot_be_asked_to_run() -> None:
    outside = an_asset("outside", kind="External", request="t1")
    result = planned(a_world({outside: a_state("v1")}), "outside")
    assert (why(result), result.handled_request) == ((Verb.NO_RUN, Why.NOT_RUNNABLE), "t1")
    assert planned(a_world({an_asset("outside", kind="External"): a_state()}), "outside") == Planned()


def test_the_fence_grows_with_every_run() -> None:
    clean = replace(CLEAN, request="t1")
    past = [of_clean(f"r{n}", fence=n, phase=RunPhase.FAILED, outcome=Outcome.FAILED) for n in (3, 7)]
    state = a_materialized("c1", {"raw": "v1"}, fence=5)
    assert the_start(planned(a_world({RAW: a_state("v1"), clean: state}, *past))).fence == 8


class TestPruning:
    """History limits, counted as CronJob counts them."""

    def runs(self, outcome: Outcome, count: int) -> list[Run]:
        phase = RunPhase.FAILED if outcome is Outcome.FAILED else RunPhase.SUCCEEDED
        return [of_clean(f"{outcome.value}-{n}".lower(), fence=n, phase=phase, outcome=outcome) for n in range(count)]

    def pruned(self, *runs: Run, **limits: int) -> list[str]:
        clean = replace(CLEAN, **limits)  # type: ignore[arg-type]
        result = planned(a_world({RAW: a_state("v1"), clean: a_materialized("c1", {"raw": "v1"})}, *runs))
        return [one.run.ref.name for one in result.actions if isinstance(one, PruneRun)]

    def test_the_oldest_successes_and_failures_go_apart(self) -> None:
        runs = [*self.runs(Outcome.MATERIALIZED, 5), *self.runs(Outcome.FAILED, 4)]
        assert self.pruned(*runs) == ["materialized-0", "materialized-1", "failed-0"]

    def test_what_is_not_recorded_stays(self) -> None:
        runs = [replace(run, outcome=None) for run in self.runs(Outcome.MATERIALIZED, 5)]
        assert self.pruned(*runs, successful_runs=0) == []

    def test_none_may_be_kept(self) -> None:
        assert self.pruned(*self.runs(Outcome.MATERIALIZED, 1), successful_runs=0) == ["materialized-0"]


def test_what_was_never_built_is_planned_anew_when_an_input_changes_although_its_verdict_does_not() -> None:
    name = wanted_run(a_world({RAW: a_state("v1"), CLEAN: AssetState()}), CLEAN)[0]
    world = a_world({RAW: a_state("v1"), CLEAN: AssetState(failure=replace(a_failure(kind="materialize"), run=name))})
    assert why(planned(world)) == (Verb.NO_RUN, Why.RUN_FAILED)
    world.states[RAW.id] = a_state("v2")
    assert CLEAN.ref in follow(world, [RAW.ref], NOW)
    assert why(planned(world)) == (Verb.RUN, Why.STALE)
