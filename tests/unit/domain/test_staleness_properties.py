"""Whatever happens in whatever order: incremental verdicts are those of a slow, separate reading of the design's table.

The oracle knows nothing of levels, waves, digests or shared chains: it recurses from the asset to its sources, every
time, and writes whole paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, a_failure, a_ref, an_asset
from upwell_operator.domain.causes import path
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.snapshot import (
    Asset,
    AssetId,
    AssetKind,
    AssetState,
    Materialization,
    Observation,
    Quarantined,
    Ref,
)
from upwell_operator.domain.staleness import Verdict, causes_for_status, message, propagate
from upwell_operator.domain.versions import consumed

Step = tuple[object, ...]
NAMES = ["a", "b", "c", "d", "e", "sales/f"]
HOUR = timedelta(hours=1)


# The oracle


class Told(NamedTuple):
    reason: str
    asset: str
    path: tuple[str, ...]


OWN = ("NeverMaterialized", "DependenciesChanged", "CodeChanged")
FALSE = (OWN[0], "VersionQuarantined", *OWN[1:], "UpstreamDataChanged", "UpstreamStale", "FreshnessExpired")
ROWS = (*FALSE, "UpstreamUnobserved", "ObservationFailed", "UpstreamUnknown", "NeverObserved")


class Oracle:
    def __init__(self, assets: dict[Ref, Asset], states: dict[AssetId, AssetState], now: datetime) -> None:
        self.assets, self.states, self.now = assets, states, now
        self.told: dict[Ref, list[Told]] = {}

    def inputs(self, ref: Ref) -> list[Ref]:
        usable = []
        for dep in self.assets[ref].deps:
            there = self.assets.get(dep)
            if there and (dep.namespace == ref.namespace or {ref.namespace, "*"} & set(there.export_to)):
                usable += [dep] if dep not in usable else []
        return usable

    def holds_key(self, ref: Ref) -> bool:
        mine = self.assets[ref]
        rivals = [(one.created_at, one.uid, one.ref) for one in self.assets.values() if one.id == mine.id]
        return min(rivals)[2] == ref

    def reaches_itself(self, ref: Ref) -> bool:
        seen: set[Ref] = set()

        def walk(here: Ref) -> bool:
            return any(dep == ref or (dep not in seen and not seen.add(dep) and walk(dep)) for dep in self.inputs(here))  # type: ignore[func-returns-value]

        return walk(ref)

    def problem(self, ref: Ref) -> str | None:
        if not self.holds_key(ref):
            return "KeyConflict"
        if self.reaches_itself(ref):
            return "DependencyCycle"
        for dep in self.assets[ref].deps:
            if dep not in self.inputs(ref):
                return "DependencyNotExported" if dep in self.assets else "DependencyNotFound"
        return None

    def state(self, ref: Ref) -> AssetState:
        return self.states.get(self.assets[ref].id, AssetState()) if self.holds_key(ref) else AssetState()

    def causes(self, ref: Ref) -> list[Told]:
        if ref not in self.told:
            self.told[ref] = self.judge(ref)
        return self.told[ref]

    def judge(self, ref: Ref) -> list[Told]:
        asset, state = self.assets[ref], self.state(ref)
        problem = self.problem(ref)
        if problem:
            return [Told(problem, str(ref), ())]
        found = self.derived(asset, state) if asset.kind is AssetKind.DERIVED else self.reported(asset, state)
        made = state.materialization or asset.kind is not AssetKind.DERIVED
        if made and state.version in {one.version for one in asset.quarantine}:
            found.append(Told("VersionQuarantined", str(ref), ()))
        return sorted(found, key=lambda one: (ROWS.index(one.reason), len(one.path)))

    def expired(self, asset: Asset, *times: datetime | None) -> list[Told]:
        known = [time for time in times if time]
        late = asset.maximum_lag is not None and known and self.now - max(known) >= asset.maximum_lag
        return [Told("FreshnessExpired", str(asset.ref), ())] if late else []

    def reported(self, asset: Asset, state: AssetState) -> list[Told]:
        seen, made = state.observation, state.materialization
        found = self.expired(asset, seen and seen.time, made and made.time)
        if state.failure and (asset.kind is AssetKind.EXTERNAL or state.failure.kind.value == "observe"):
            found.append(Told("ObservationFailed", str(asset.ref), ()))
        if state.version is None:
            found.append(Told("NeverObserved", str(asset.ref), ()))
        return found

    def derived(self, asset: Asset, state: AssetState) -> list[Told]:
        above = [told for ref in self.inputs(asset.ref) for told in self.from_above(ref)]
        made = state.materialization
        if made is None:
            return [Told("NeverMaterialized", str(asset.ref), ()), *above]
        home = asset.ref.namespace
        then = {(one.name.split("/")[0] if "/" in one.name else home, one.key): one.data_version for one in made.inputs}
        now = {tuple(self.assets[ref].id): ref for ref in self.inputs(asset.ref)}
        found = self.expired(asset, made.time) + above
        if set(then) != set(now):
            found.append(Told("DependenciesChanged", str(asset.ref), ()))
        if asset.code_version not in (None, made.code_version):
            found.append(Told("CodeChanged", str(asset.ref), ()))
        for ref in self.inputs(asset.ref):
            version, data, barred = self.state(ref).version, tuple(self.assets[ref].id), self.barred(ref)
            if then.get(data) in barred:
                found.append(Told("VersionQuarantined", str(ref), (str(ref), *barred[then[data]])))
            if data in then and version not in (None, then[data], *barred):
                found.append(Told("UpstreamDataChanged", str(ref), (str(ref),)))
        return found

    def barred(self, ref: Ref) -> dict[str | None, tuple[str, ...]]:
        """Give the versions that may not be built from, each with the way further up to where that began."""
        barred: dict[str | None, tuple[str, ...]] = {}
        inherited = [one for one in self.causes(ref) if one.reason == "VersionQuarantined" and one.path]
        if inherited:
            barred[self.state(ref).version] = inherited[0].path
        return barred | {one.version: () for one in self.assets[ref].quarantine}

    def from_above(self, ref: Ref) -> list[Told]:
        causes = [one for one in self.causes(ref) if one.reason != "VersionQuarantined"]
        if not causes:
            return []
        first, source = causes[0], self.assets[ref].kind is not AssetKind.DERIVED
        if source and first.reason in ROWS:
            unseen = self.state(ref).version is None
            return [Told("UpstreamUnobserved" if unseen else "ObservationFailed", str(ref), (str(ref),))]
        reason = "UpstreamStale" if first.reason in FALSE else "UpstreamUnknown"
        return [Told(reason, str(ref), (str(ref), *first.path))]


# What happens


@dataclass
class Scene:
    graph: Graph = field(default_factory=Graph)
    states: dict[AssetId, AssetState] = field(default_factory=dict)
    verdicts: dict[Ref, Verdict] = field(default_factory=dict)
    now: datetime = NOW

    def assets(self) -> dict[Ref, Asset]:
        return {ref: asset for ref in self.graph.refs() if (asset := self.graph.get(ref))}

    def do(self, step: Step) -> set[Ref]:
        verb, name, *args = step
        ref = a_ref(str(name))
        asset = self.graph.get(ref)
        if verb == "put":
            return self.graph.put(args[0])  # type: ignore[arg-type]
        if verb == "remove":
            return self.graph.remove(ref)
        if verb == "wait":
            self.now += args[0]  # type: ignore[operator]
            return set(self.graph.refs())
        if asset is None or self.graph.data(ref) is None:
            return set()
        self.states[asset.id] = self.reported(asset, str(verb), *args)
        return {ref}

    def reported(self, asset: Asset, verb: str, version: str | None) -> AssetState:
        state = self.states.get(asset.id, AssetState())
        if verb == "fail":
            return replace(state, failure=a_failure(kind="observe" if version else "materialize"))
        if verb == "observe":
            seen = Observation(self.now, version or "v0")
            return replace(state, version=seen.version, observation=seen, failure=None)
        inputs = consumed(asset, self.graph, self.states)
        made = Materialization(self.now, version or "v0", asset.code_version, inputs=inputs)
        return replace(state, version=made.version, materialization=made)

    def told(self) -> dict[str, list[Told]]:
        return {
            str(ref): [
                Told(cause.reason.value, str(cause.asset), tuple(path(cause, "nowhere"))) for cause in verdict.causes
            ]
            for ref, verdict in self.verdicts.items()
        }

    def shown(self) -> dict[Ref, object]:
        return {ref: (one, message(one), causes_for_status(one)) for ref, one in self.verdicts.items()}

    def from_scratch(self, order: list[Ref]) -> Scene:
        other = Scene(states=self.states, now=self.now)
        assets = self.assets()
        dirty = {ref for one in order for ref in other.graph.put(assets[one])}
        propagate(other.graph, other.states, other.verdicts, dirty, self.now)
        return other


names = st.sampled_from(NAMES)
versions = st.sampled_from(["v1", "v2"])
assets = st.builds(
    an_asset,
    names,
    deps=st.lists(names, max_size=3),
    kind=st.sampled_from(["Derived"] * 4 + ["Source", "Source", "External"]),
    code_version=st.sampled_from([None, None, "1", "2"]),
    maximum_lag=st.sampled_from([None, None, None, HOUR]),
    quarantine=st.sampled_from([(), (), (), (Quarantined("v1"),), (Quarantined("v2", "bad"), Quarantined("v3"))]),
    export_to=st.sampled_from([(), ("*",), ("*",), ("shop",)]),
    created_at=st.sampled_from([NOW, NOW - HOUR]),
)
keyed = st.one_of(assets, assets, assets, assets.map(lambda asset: replace(asset, key="common")))
steps = st.one_of(
    keyed.map(lambda asset: ("put", str(asset.ref), asset)),
    st.tuples(st.sampled_from(["observe", "make", "make", "make", "fail"]), names, versions),
    st.tuples(st.just("fail"), names, st.none()),
    st.tuples(st.just("remove"), names),
    st.tuples(st.just("wait"), names, st.sampled_from([HOUR / 2, HOUR])),
)
worlds = st.lists(keyed, min_size=3, max_size=9).map(lambda some: [("put", str(one.ref), one) for one in some])


def check(scene: Scene) -> None:
    oracle = Oracle(scene.assets(), scene.states, scene.now)
    assert scene.told() == {str(ref): oracle.causes(ref) for ref in scene.graph.refs()}
    fresh = {str(ref): verdict.fresh for ref, verdict in scene.verdicts.items()}
    assert fresh == {name: _fresh(causes) for name, causes in scene.told().items()}


def _fresh(causes: list[Told]) -> str:
    if not causes:
        return "True"
    return "False" if causes[0].reason in FALSE else "Unknown"


@settings(max_examples=60)
@given(worlds, st.lists(st.lists(steps, min_size=1, max_size=4), max_size=6))
def test_incremental_verdicts_are_those_of_the_oracle(world: list[Step], passes: list[list[Step]]):
    scene = Scene()
    for some in [world, *passes]:
        before = dict(scene.verdicts)
        dirty = {ref for step in some for ref in scene.do(step)}
        changed = propagate(scene.graph, scene.states, scene.verdicts, dirty, scene.now)
        check(scene)
        assert set(changed) == {ref for ref, verdict in scene.verdicts.items() if before.get(ref) != verdict}
        assert len(changed) == len(set(changed))


@settings(max_examples=50, deadline=None)
@given(worlds, st.lists(steps, max_size=8), st.permutations(NAMES))
def test_the_way_there_does_not_matter(world: list[Step], happened: list[Step], names: list[str]):
    """Step by step, or all at once in any order: equal verdicts, equal words."""
    scene = Scene()
    for step in [*world, *happened]:
        propagate(scene.graph, scene.states, scene.verdicts, scene.do(step), scene.now)
    order = [a_ref(name) for name in names if a_ref(name) in scene.graph]
    assert scene.from_scratch(order).shown() == scene.shown()


@settings(max_examples=50, deadline=None)
@given(worlds, st.lists(steps, max_size=6), st.tuples(st.sampled_from(["observe", "make", "fail"]), names, versions))
def test_changed_and_changed_back_is_as_before(world: list[Step], happened: list[Step], change: Step):
    scene = Scene()
    for step in [*world, *happened]:
        propagate(scene.graph, scene.states, scene.verdicts, scene.do(step), scene.now)
    before, states = scene.shown(), dict(scene.states)
    dirty = scene.do(change)
    propagate(scene.graph, scene.states, scene.verdicts, dirty, scene.now)
    scene.states = states
    propagate(scene.graph, scene.states, scene.verdicts, dirty, scene.now)
    assert scene.shown() == before


@settings(max_examples=50, deadline=None)
@given(st.lists(assets, max_size=12))
def test_order_puts_upstream_first_and_reach_is_what_can_be_reached(some: list[Asset]):
    graph = Graph()
    for asset in some:
        graph.put(asset)
    place = {ref: at for at, ref in enumerate(graph.in_order(graph.refs()))}
    assert place.keys() == graph.refs()
    for ref, at in place.items():
        assert graph.problem(ref) or all(place[above] < at for above in graph.upstream(ref))
        below = {ref}
        while more := {one for here in below for one in graph.downstream(here)} - below:
            below |= more
        assert set(graph.reach([ref])) == below
