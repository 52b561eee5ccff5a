"""A version that may not be built from: who is told, along which path, and what is built all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOW, a_failure, a_materialized, a_ref, a_run, a_state, an_asset, an_input
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.plan import plan, settle_pending
from upwell_operator.domain.snapshot import Asset, AssetState, Quarantined
from upwell_operator.domain.staleness import causes_for_status, message, propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind

BAD = Quarantined("v2", "half a file")
RAW = an_asset("raw", key="warehouse/raw", quarantine=(BAD,))
CLEAN = an_asset("clean", deps=["raw"], eager=True)
MART = an_asset("mart", deps=["clean"], eager=True)
NEVER = an_asset("clean", deps=["raw"])


def clean_from(version: str | None, made: str = "c1") -> AssetState:
    return a_materialized(made, [an_input("raw", version, key="warehouse/raw")])


def a_world(states: dict[Asset, AssetState]) -> World:
    world = World()
    for asset, state in states.items():
        world.graph.put(asset)
        world.states[asset.id] = state
    look(world)
    return world


def look(world: World) -> set[str]:
    """Look at everything; give the names of those whose verdict or waiting became another."""
    changed = set(propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW))
    return {ref.name for ref in changed | settle_pending(world, world.graph.refs(), NOW)}


def fresh(world: World, name: str) -> tuple[str, str]:
    verdict = world.verdicts[a_ref(name)]
    return verdict.fresh, verdict.reason.value


def says(world: World, name: str) -> str:
    return message(world.verdicts[a_ref(name)])


def planned(world: World, name: str = "clean") -> Planned:
    return plan(world, Kind.ASSET, a_ref(name), NOW)


def why(result: Planned) -> tuple[Verb, str]:
    return result.decisions[0].verb, result.decisions[0].reason


def starts(result: Planned) -> list[StartRun]:
    return [one for one in result.actions if isinstance(one, StartRun)]


QUARANTINED, UP_TO_DATE = ("False", "VersionQuarantined"), ("True", "UpToDate")


# What was built from it


def test_all_that_was_built_from_it_says_so_with_the_path() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v2"), MART: a_materialized("x1", {"clean": "c1"})})
    assert [fresh(world, name) for name in ("raw", "clean", "mart")] == [QUARANTINED] * 3
    assert says(world, "raw") == "its current data version is quarantined: warehouse/raw v2 (half a file)"
    assert says(world, "clean") == "built from quarantined data: warehouse/raw v2 (half a file)"
    assert says(world, "mart") == "built from quarantined data: clean → raw, warehouse/raw v2 (half a file)"
    (cause,) = causes_for_status(world.verdicts[a_ref("mart")])
    assert (cause["asset"], cause["path"]) == ("clean", ["clean", "raw"])


def test_it_is_known_after_the_source_has_moved_on() -> None:
    world = a_world({RAW: a_state("v3"), NEVER: clean_from("v2"), MART: a_materialized("x1", {"clean": "c1"})})
    assert fresh(world, "raw") == UP_TO_DATE
    assert fresh(world, "clean") == QUARANTINED
    assert says(world, "clean").endswith("(and 1 more)")
    assert fresh(world, "mart") == QUARANTINED


def test_what_was_built_from_an_earlier_version_stays_as_it_is_and_says_what_it_passes_over() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v1"), MART: a_materialized("x1", {"clean": "c1"})})
    assert [fresh(world, name) for name in ("clean", "mart")] == [UP_TO_DATE, UP_TO_DATE]
    assert says(world, "clean") == "up to date at data version c1; passed over, as quarantined: warehouse/raw v2"
    assert says(world, "mart") == "up to date at data version x1"


def test_what_was_built_from_something_better_is_not_touched_by_what_came_after() -> None:
    """The mart was built from an earlier clean than the one that took the bad file."""
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v2", "c2"), MART: a_materialized("x1", {"clean": "c1"})})
    assert fresh(world, "clean") == QUARANTINED
    assert fresh(world, "mart") == UP_TO_DATE
    assert says(world, "mart") == "up to date at data version x1; passed over, as quarantined: clean c2"


def test_a_quarantine_in_the_middle_stops_what_is_below_it_only() -> None:
    world = a_world(
        {
            an_asset("raw"): a_state("v1"),
            an_asset("clean", deps=["raw"], quarantine=(Quarantined("c1"),)): a_materialized("c1", {"raw": "v1"}),
            MART: a_materialized("x1", {"clean": "c1"}),
        }
    )
    assert [fresh(world, name) for name in ("raw", "clean", "mart")] == [UP_TO_DATE, QUARANTINED, QUARANTINED]
    assert says(world, "clean") == "its current data version is quarantined: clean c1"


def test_what_an_observed_version_of_an_unbuilt_asset_is_says_nothing_of_it() -> None:
    asset = an_asset("clean", deps=["raw"], quarantine=(BAD,))
    world = a_world({an_asset("raw"): a_state("v1"), asset: a_state("v2"), MART: a_materialized("x1", {"clean": "v2"})})
    assert fresh(world, "clean") == ("False", "NeverMaterialized")
    assert fresh(world, "mart") == QUARANTINED


def test_the_other_causes_of_an_input_go_on_to_those_below() -> None:
    """Passing over a version of a source does not hide that it cannot be observed."""
    world = a_world({RAW: a_state("v2", failure=a_failure()), CLEAN: clean_from("v1")})
    assert fresh(world, "raw") == QUARANTINED
    assert fresh(world, "clean") == ("Unknown", "ObservationFailed")


def test_another_reason_for_it_is_told_to_everybody_below() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v2"), MART: a_materialized("x1", {"clean": "c1"})})
    world.graph.put(replace(RAW, quarantine=(Quarantined("v2", "someone else's file"),)))
    assert look(world) >= {"raw", "clean", "mart"}
    assert "someone else's file" in says(world, "mart")


def test_released_everything_is_as_before() -> None:
    states = {replace(RAW, quarantine=()): a_state("v2"), CLEAN: clean_from("v2")}
    before = a_world(states).verdicts
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v2")})
    world.graph.put(replace(RAW, quarantine=()))
    look(world)
    assert world.verdicts == before


# What is built, and what is not


def test_nothing_is_built_from_it_by_itself() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: AssetState()})
    result = planned(world)
    assert (why(result), starts(result)) == ((Verb.WAIT, Why.VERSION_QUARANTINED), [])
    assert "input raw is quarantined data: warehouse/raw v2 (half a file); it takes" in result.decisions[0].message
    assert a_ref("clean") not in world.pending


REASONS = {
    "other code": (replace(CLEAN, code_version="2"), clean_from("v1")),
    "never built": (CLEAN, AssetState()),
    "built from it": (CLEAN, clean_from("v2")),
}


@pytest.mark.parametrize(("asset", "state"), REASONS.values(), ids=REASONS)
def test_whatever_it_is_stale_for_it_waits_for_another_version_and_is_looked_at_then(
    asset: Asset, state: AssetState
) -> None:
    world = a_world({RAW: a_state("v2"), asset: state})
    assert why(planned(world)) == (Verb.WAIT, Why.VERSION_QUARANTINED)
    world.states[RAW.id] = a_state("v3")
    assert "clean" in look(world)
    (start,) = starts(planned(world))
    assert [one.data_version for one in start.inputs] == ["v3"]


def test_a_quarantine_that_comes_later_is_heard_by_what_was_never_built() -> None:
    world = a_world({replace(RAW, quarantine=()): a_state("v2"), CLEAN: AssetState()})
    assert len(starts(planned(world))) == 1
    world.graph.put(RAW)
    assert "clean" in look(world)
    assert starts(planned(world)) == []


def test_a_request_for_it_is_refused_and_counts_as_answered() -> None:
    world = a_world({RAW: a_state("v2"), replace(CLEAN, request="T1"): clean_from("v1")})
    result = planned(world)
    assert (why(result), starts(result), result.handled_request) == ((Verb.NO_RUN, Why.VERSION_QUARANTINED), [], "T1")
    assert result.decisions[0].message.startswith("request T1: input raw is quarantined data")


def test_bad_data_is_not_passed_on_from_where_it_has_come_to() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v2"), replace(MART, code_version="2"): AssetState()})
    result = planned(world, "mart")
    assert why(result) == (Verb.WAIT, Why.VERSION_QUARANTINED)
    assert "input clean is quarantined data: clean → raw" in result.decisions[0].message


def test_with_a_later_version_everything_is_built_again_in_order() -> None:
    world = a_world({RAW: a_state("v3"), CLEAN: clean_from("v2"), MART: a_materialized("x1", {"clean": "c1"})})
    assert len(starts(planned(world))) == 1
    assert why(planned(world, "mart")) == (Verb.WAIT, Why.UPSTREAM_PENDING)
    world.states[CLEAN.id] = clean_from("v3", "c3")
    look(world)
    assert fresh(world, "clean") == UP_TO_DATE
    assert len(starts(planned(world, "mart"))) == 1


def test_the_same_result_from_better_data_is_as_good_as_another() -> None:
    world = a_world({RAW: a_state("v3"), CLEAN: clean_from("v2"), MART: a_materialized("x1", {"clean": "c1"})})
    world.states[CLEAN.id] = clean_from("v3", "c1")
    look(world)
    assert [fresh(world, name) for name in ("clean", "mart")] == [UP_TO_DATE, UP_TO_DATE]


def test_what_is_quarantined_itself_is_not_built_again_from_the_same_inputs() -> None:
    asset = replace(CLEAN, quarantine=(Quarantined("c1"),))
    states = {an_asset("raw", key="warehouse/raw"): a_state("v1"), asset: clean_from("v1")}
    result = planned(a_world(states))
    assert (why(result), starts(result)) == ((Verb.NO_RUN, Why.VERSION_QUARANTINED), [])
    assert len(starts(planned(a_world({**states, replace(asset, request="T1"): clean_from("v1")})))) == 1


def test_what_is_quarantined_itself_is_built_again_from_other_inputs() -> None:
    asset = replace(CLEAN, quarantine=(Quarantined("c1"),))
    world = a_world({an_asset("raw", key="warehouse/raw"): a_state("v2"), asset: clean_from("v1")})
    assert len(starts(planned(world))) == 1


def test_a_run_that_began_before_is_not_stopped() -> None:
    world = a_world({RAW: a_state("v2"), CLEAN: clean_from("v1")})
    world.runs.put(a_run("clean-1", asset="clean"))
    assert planned(world).actions == ()
