"""What Prometheus reads of freshness, and of runs that go on and wait."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import CollectorRegistry

from builders import NOW, a_materialized, a_ref, a_run, a_state, an_asset
from upwell_operator.domain.slots import Slots
from upwell_operator.domain.snapshot import Arrived
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.handlers.freshness_metrics import FRESHNESS, HELD, LATE, RUNNING, WAITING, Freshness


def a_world() -> World:
    world = World(slots=Slots(1))
    raw, clean, mart = an_asset("raw"), an_asset("clean", deps=["raw"]), an_asset("mart", deps=["clean"])
    states = {
        raw: a_state("v2"),
        clean: a_materialized("c1", {"raw": "v1"}),
        mart: a_materialized("m", {"clean": "c1"}),
    }
    for asset, state in states.items():
        world.graph.put(asset)
        world.states[asset.id] = state
    world.graph.put(an_asset("sales/x"))
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    return world


def values(world: World) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(Freshness(world))
    return {(one.name, *one.labels.values()): one.value for family in registry.collect() for one in family.samples}


def test_assets_are_counted_by_what_their_condition_says() -> None:
    assert values(a_world()) == {
        (FRESHNESS, "shop", "Source", "True", "UpToDate"): 1,
        (FRESHNESS, "shop", "Derived", "False", "UpstreamDataChanged"): 1,
        (FRESHNESS, "shop", "Derived", "False", "UpstreamStale"): 1,
        (FRESHNESS, "sales", "Source", "Unknown", "NeverObserved"): 1,
    }


def test_assets_that_exceed_their_lag_are_counted_whatever_else_is_wrong_with_them() -> None:
    world = a_world()
    assert (LATE, "shop") not in values(world)
    (touched,) = world.graph.put(an_asset("clean", deps=["raw"], maximum_lag=timedelta(hours=1)))
    propagate(world.graph, world.states, world.verdicts, [touched], NOW + timedelta(hours=1))
    found = values(world)
    assert found[FRESHNESS, "shop", "Derived", "False", "UpstreamDataChanged"] == 1
    assert found[LATE, "shop"] == 1


def test_assets_of_which_a_version_is_held_are_counted_until_it_is_released() -> None:
    world = a_world()
    raw = an_asset("raw")
    world.states[raw.id] = a_state("v2", arrived=Arrived("v3", NOW, "too few rows"))
    assert values(world)[HELD, "shop"] == 1
    world.states[raw.id] = a_state("v2", arrived=Arrived("v3", NOW))
    assert (HELD, "shop") not in values(world), "it is quarantined, or not judged yet"


def test_an_asset_that_has_just_gone_is_not_counted() -> None:
    world = a_world()
    world.graph.remove(a_ref("sales/x"))
    assert (FRESHNESS, "sales", "Source", "Unknown", "NeverObserved") not in values(world)


def test_runs_that_go_on_and_those_that_wait_are_counted_by_namespace() -> None:
    world = a_world()
    world.runs.put(a_run("clean-1", asset="clean"))
    world.slots.join(a_ref("sales/y"), asked=True)
    found = values(world)
    assert (found[RUNNING, "shop"], found[WAITING, "sales"]) == (1, 1)
