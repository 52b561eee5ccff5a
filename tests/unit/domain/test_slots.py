"""How many runs go on at once, who waits, and who is next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, a_materialized, a_ref, a_run, a_state, an_asset
from upwell.protocol import RunKind
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.plan import plan, settle_pending
from upwell_operator.domain.slots import Slots, admit
from upwell_operator.domain.snapshot import Asset, AssetState, Outcome, Ref, Run, RunPhase
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind

RAW = an_asset("raw")
STALE = a_materialized("m", {"raw": "v1"})


def a_world(*assets: Asset, runs: tuple[Run, ...] = (), **limits: int) -> World:
    """Make a world of stale Eager assets, with one source."""
    world = World(slots=Slots(**limits))
    for asset in (RAW, *assets):
        world.graph.put(asset)
        world.states[asset.id] = a_state("v2") if asset is RAW else STALE
    for run in runs:
        world.runs.put(run)
    look(world)
    return world


def look(world: World) -> None:
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    settle_pending(world, world.graph.refs(), NOW)


def eager(*names: str, **fields: object) -> list[Asset]:
    return [an_asset(name, deps=["raw"], eager=True, **fields) for name in names]


def admitted(world: World, *names: str) -> dict[Ref, Planned]:
    refs = [a_ref(name) for name in names] if names else list(world.graph.refs())
    return admit(world, {ref: plan(world, Kind.ASSET, ref, NOW) for ref in refs}, NOW)


def started(plans: dict[Ref, Planned]) -> list[str]:
    return [ref.seen_from("shop") for ref, planned in sorted(plans.items()) if planned.actions]


def of(name: str, *, kind: str = "materialize", **fields: object) -> Run:
    return a_run(f"{name}-1", asset=name, kind=kind, **fields)


class TestALimit:
    """Over it nothing starts, and what waits says so."""

    def test_as_many_start_as_there_are_slots(self) -> None:
        assert started(admitted(a_world(*eager("a", "b", "c"), limit=2))) == ["a", "b"]

    def test_what_waits_says_for_what(self) -> None:
        plans = admitted(a_world(*eager("a", "b"), limit=1))
        (why,) = plans[a_ref("b")].decisions
        assert (why.verb, why.reason) == (Verb.WAIT, Why.MAX_CONCURRENT_RUNS)
        assert (
            why.message == "as many runs as maxConcurrentRuns (1) allows are going on; it starts when one of them ends"
        )

    def test_a_namespace_has_its_own(self) -> None:
        here, there = eager("a", "b"), an_asset("sales/x", deps=["raw"], eager=True)
        world = a_world(*here, there, per_namespace=1)
        world.graph.put(replace(RAW, export_to=("*",)))
        look(world)
        plans = admitted(world)
        assert started(plans) == ["sales/x", "a"]
        assert "of namespace shop as maxConcurrentRunsPerNamespace (1)" in plans[a_ref("b")].decisions[0].message

    def test_without_limits_everything_starts(self) -> None:
        assert not Slots().are_limited
        assert started(admitted(a_world(*eager("a", "b", "c")))) == ["a", "b", "c"]

    RUNNING = {
        "a materialization": (of("other"), 0),
        "an observation": (of("raw", kind="observe"), 1),
        "a materialization that is over": (of("other", phase=RunPhase.SUCCEEDED), 1),
    }

    @pytest.mark.parametrize(("run", "room"), RUNNING.values(), ids=RUNNING.keys())
    def test_what_takes_a_slot(self, run: Run, room: int) -> None:
        assert len(started(admitted(a_world(*eager("a"), runs=(run,), limit=1)))) == room

    def test_a_run_that_ends_or_goes_gives_its_slot_back(self) -> None:
        world = a_world(*eager("a"), runs=(of("other"),), limit=1)
        world.runs.put(of("other", phase=RunPhase.FAILED))
        assert list(world.runs.building()) == []
        world.runs.put(of("other"))
        world.runs.remove(of("other").ref)
        assert list(world.runs.building()) == []

    def test_a_start_takes_its_slot_before_its_job_is_seen_and_only_once_afterwards(self) -> None:
        world = a_world(*eager("a", "b", "c"), limit=2)
        (start,) = admitted(world, "a")[a_ref("a")].actions
        assert isinstance(start, StartRun)
        world.runs.put(a_run(start.ref.name, asset="a"))
        assert started(admitted(world, "b", "c")) == ["b"]

    def test_a_start_that_came_to_nothing_gives_its_slot_back(self) -> None:
        world = a_world(*eager("a", "b"), limit=1)
        assert started(admitted(world)) == ["a"]
        world.slots.release(a_ref("a"))
        assert world.slots.next_up(world.runs) == [a_ref("b")]

    def test_what_waits_answers_neither_its_request_nor_keeps_what_is_to_be_pruned(self) -> None:
        old = [of(f"old{n}", phase=RunPhase.SUCCEEDED, outcome=Outcome.MATERIALIZED, fence=n) for n in range(2)]
        mine = [replace(run, asset=a_ref("a")) for run in old]
        asked = an_asset("a", deps=["raw"], request="t1", successful_runs=1)
        world = a_world(asked, runs=(of("other"), *mine), limit=1)
        planned = admitted(world, "a")[a_ref("a")]
        assert planned.handled_request is None
        assert [type(one).__name__ for one in planned.actions] == ["PruneRun"]
        assert planned.decisions[0].message.startswith("request t1: as many runs")


class TestTheLine:
    """Who comes first."""

    def full(self, *assets: Asset, **limits: int) -> World:
        return a_world(*assets, runs=(of("other"),), **(limits or {"limit": 1}))

    def freed(self, world: World) -> list[str]:
        world.runs.put(of("other", phase=RunPhase.SUCCEEDED))
        return [ref.name for ref in world.slots.next_up(world.runs)]

    def test_who_came_first_is_next(self) -> None:
        world = self.full(*eager("a", "b"))
        admitted(world, "b")
        admitted(world, "a", "b")
        assert self.freed(world) == ["b"]
        assert started(admitted(world, "a", "b")) == ["b"]

    def test_whom_a_person_asked_for_comes_before_all_others(self) -> None:
        world = self.full(*eager("a"), an_asset("z", deps=["raw"], request="t1"))
        admitted(world, "a")
        admitted(world, "z")
        assert self.freed(world) == ["z"]

    def test_who_is_asked_for_while_waiting_moves_up(self) -> None:
        world = self.full(*eager("a", "b"))
        admitted(world, "a")
        admitted(world, "b")
        world.graph.put(replace(eager("b")[0], request="t1"))
        admitted(world, "b")
        assert self.freed(world) == ["b"]

    def test_who_wants_nothing_any_more_leaves(self) -> None:
        world = self.full(*eager("a", "b"))
        admitted(world)
        world.graph.put(replace(eager("a")[0], suspended=True))
        admitted(world, "a")
        assert self.freed(world) == ["b"]
        world.slots.leave(a_ref("b"))
        assert self.freed(world) == []

    def test_those_who_wait_are_counted(self) -> None:
        world = self.full(*eager("a"), an_asset("z", deps=["raw"], request="t1"))
        admitted(world)
        assert world.slots.waiting() == {"shop": 2}

    def test_as_long_as_all_slots_are_taken_nobody_is_next(self) -> None:
        world = self.full(*eager("a"))
        admitted(world)
        assert world.slots.next_up(world.runs) == []

    def test_a_full_namespace_holds_no_other_up(self) -> None:
        there = an_asset("sales/x", deps=["raw"], eager=True)
        world = self.full(*eager("a"), there, limit=2, per_namespace=1)
        world.graph.put(replace(RAW, export_to=("*",)))
        look(world)
        assert started(admitted(world)) == ["sales/x"]


# Any graph, any limits: a wave is played to its end


@st.composite
def graphs(draw: st.DrawFn) -> list[Asset]:
    """Draw Eager assets over one source, each built from some of those before it."""
    assets: list[Asset] = []
    for number in range(draw(st.integers(1, 9))):
        above = ["raw", *(asset.ref.name for asset in assets)]
        deps = draw(st.lists(st.sampled_from(above), min_size=1, max_size=3, unique=True))
        assets.append(an_asset(f"a{number}", deps=deps, eager=True))
    return assets


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 3), st.integers(0, 3), st.randoms(use_true_random=False))
def test_a_wave_builds_everything_once_and_never_more_at_a_time_than_allowed(
    assets: list[Asset], limit: int, per_namespace: int, dice: object
) -> None:
    """Diamonds included: whoever has several inputs is built once, after all of them."""
    world = World(slots=Slots(limit, per_namespace))
    for asset in (RAW, *assets):
        world.graph.put(asset)
        world.states[asset.id] = AssetState()
    world.states[RAW.id] = a_state("v1")
    built: list[str] = []
    dirty = set(world.graph.refs())
    while dirty:
        look(world)
        plans = admit(world, {ref: plan(world, Kind.ASSET, ref, NOW) for ref in dirty}, NOW)
        starts = [one for planned in plans.values() for one in planned.actions if isinstance(one, StartRun)]
        for start in starts:
            fields = {"inputs": start.inputs, "fence": start.fence}
            world.runs.put(a_run(start.ref.name, asset=start.asset.ref, **fields))
            world.slots.release(start.asset.ref)
        going = sorted(world.runs.building())
        assert len(going) <= min(limit or 99, per_namespace or 99)
        if not going:
            break
        dirty = _ends(world, going[dice.randrange(len(going))], built)  # type: ignore[attr-defined]
        dirty |= set(world.slots.next_up(world.runs))
    assert sorted(built) == sorted(asset.ref.name for asset in assets)


def _ends(world: World, ref: Ref, built: list[str]) -> set[Ref]:
    """Let a run end well; give whom that concerns."""
    run = world.runs.get(ref)
    assert run is not None
    assert run.kind is RunKind.MATERIALIZE
    world.runs.put(replace(run, phase=RunPhase.SUCCEEDED, outcome=Outcome.MATERIALIZED))
    inputs = {one.name: one.data_version for one in run.inputs}
    world.states[an_asset(run.asset).id] = a_materialized(f"{run.asset.name}!", inputs, run=ref.name)
    built.append(run.asset.name)
    return {run.asset, *world.graph.reach([run.asset])}
