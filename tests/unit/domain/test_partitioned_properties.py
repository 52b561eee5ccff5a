"""Random graphs of assets, cut in random ways, and random things that happen to them, against a brute-force oracle.

The oracle knows nothing of edges, deltas or verdicts: of each partition it remembers what it was built from, and asks
the mapping, pair by pair, what it would be built from now.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import NOW, an_asset
from partitioned import Scene, a_derived, a_source, cut, windows
from upwell_operator.domain import mapping, partitions
from upwell_operator.domain.mapping import All, Last, SameTime
from upwell_operator.domain.partitions import Dynamic, Partitions
from upwell_operator.domain.snapshot import Asset, AssetKind
from upwell_operator.domain.versions import set_digest

DAYS = windows(start="2026-11-19")
HOURS = windows("0 */8 * * *", "2026-11-19-00", "%Y-%m-%d-%H")
REGIONS = cut(static=["eu", "us"])
GRID = cut(
    multi={
        "date": {"timeWindow": {"cron": "@daily", "start": "2026-11-19"}},
        "region": {"static": ["eu", "us"]},
    }
)
CUTS: list[Partitions | None] = [None, DAYS, HOURS, REGIONS, GRID, Dynamic()]
DYNAMIC_KEYS = ["ana", "bo"]


@st.composite
def a_graph(draw: st.DrawFn) -> list[Asset]:
    """Draw up to five assets, each built from some of those before it in a way that fits."""
    assets: list[Asset] = []
    for number in range(draw(st.integers(2, 5))):
        definition = draw(st.sampled_from(CUTS))
        ups = draw(st.lists(st.sampled_from(assets), unique_by=lambda one: one.key, max_size=2)) if assets else []
        if not ups:
            assets.append(a_source(f"a{number}", definition))
            continue
        written = tuple(_mapping(draw, one.partitions, definition) for one in ups) if definition else ()
        names = [one.ref.name for one in ups]
        eager = draw(st.booleans())
        parallelism = draw(st.sampled_from([1, 3, 10]))
        assets.append(
            a_derived(f"a{number}", *names, by=definition, eager=eager, mappings=written, parallelism=parallelism)
        )
    return assets


def _mapping(draw: st.DrawFn, up: Partitions | None, down: Partitions) -> mapping.Mapping | None:
    offered = [All(), Last(), SameTime(-1, 0), SameTime(-1, -1)]
    fitting = [one for one in offered if mapping.misfit(one, up, down) is None]
    evident = mapping.evident(up, down)
    return draw(st.sampled_from([*fitting, *([None] if evident else [])]))


def keys_of(scene: Scene, asset: Asset) -> list[str]:
    assert asset.partitions is not None
    if isinstance(asset.partitions, Dynamic):
        if asset.kind is AssetKind.DERIVED:
            cut_ = scene.world.graph.node(asset.ref).cut
            return sorted(cut_.keys) if cut_ else []
        return sorted(scene.slices(asset.ref.name).versions)
    return list(partitions.keys(asset.partitions, scene.now))


class Oracle:
    """What is fresh, by looking at everything."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def current(self, down: Asset, place: int, key: str | None) -> tuple[str | None, list[tuple[Asset, str | None]]]:
        """Give the version of an input for a partition, and the (asset, partition) pairs that it is made of."""
        up = self.scene.asset(down.deps[place].name)
        state = self.scene.world.states[up.id]
        how = down.mappings[place] if down.mappings else None
        how = how or mapping.evident(up.partitions, down.partitions)
        assert how is not None
        if up.partitions is None or down.partitions is None or isinstance(how, All):
            return state.version, [(up, None)]
        edge = mapping.Edge(up.partitions, down.partitions, how)
        known = self.scene.slices(up.ref.name).versions
        lower = keys_of(self.scene, down)
        found = []
        for one in keys_of(self.scene, up):
            reached = mapping.below(edge, one, self.scene.now, lower)
            if reached is None or key in reached:
                found.append(one)
        have = {one: known[one] for one in found if one in known}
        pairs: list[tuple[Asset, str | None]] = [(up, one) for one in found]
        if len(found) == 1:
            return have.get(found[0]), pairs
        return (set_digest(have) if have else None), pairs

    def is_fresh(self, asset: Asset, key: str | None) -> bool:
        """Say whether a partition (or an asset that is not cut) is what it would be if it were built now."""
        state = self.scene.world.states[asset.id]
        if asset.kind is not AssetKind.DERIVED:
            return state.version is not None if key is None else key in self.scene.slices(asset.ref.name).versions
        if key is None and asset.partitions is not None:
            return all(self.is_fresh(asset, one) for one in keys_of(self.scene, asset))
        made = state.materialization if key is None else self.scene.slices(asset.ref.name).made.get(key)
        if made is None:
            return False
        for place, consumed in enumerate(made.inputs):
            version, pairs = self.current(asset, place, key)
            if version is not None and version != consumed.data_version:
                return False
            if not all(self.is_fresh(*pair) for pair in pairs):
                return False
        return True


def check(scene: Scene, assets: list[Asset]) -> None:
    oracle = Oracle(scene)
    for asset in assets:
        now = scene.asset(asset.ref.name)
        if now.kind is AssetKind.DERIVED and now.partitions is not None:
            for key in keys_of(scene, now):
                fresh = scene.verdict(asset.ref.name, key) is None
                assert fresh == oracle.is_fresh(now, key), (asset.ref.name, key, scene.verdict(asset.ref.name, key))


def do(draw: st.DataObject, scene: Scene, assets: list[Asset]) -> None:
    """Let one thing happen."""
    what = draw.draw(st.sampled_from(["observe", "observe", "end", "fail", "time", "request", "restart"]))
    going = scene.going
    if what in ("end", "fail") and going:
        scene.end(draw.draw(st.sampled_from(going)), failed=what == "fail")
    elif what == "time":
        scene.pass_time(timedelta(hours=8))
    elif what == "request":
        asset = scene.asset(draw.draw(st.sampled_from(assets)).ref.name)
        if asset.kind is AssetKind.DERIVED:
            scene.put(replace(asset, request=f"r{len(scene.started)}-{scene.serial}"))
    elif what == "restart":
        for asset in assets:
            scene.node(asset.ref.name).cut = None
        scene.look(scene.world.graph.refs())
    else:
        observe(draw, scene, draw.draw(st.sampled_from([one for one in assets if one.kind is AssetKind.SOURCE])))


LONG = pytest.mark.timeout(300)
"""A thousand graphs take half a minute; with every branch counted on a busy machine, three times that."""


def observe(draw: st.DataObject, scene: Scene, source: Asset) -> None:
    version = draw.draw(st.sampled_from(["v1", "v2"]))
    if source.partitions is None:
        scene.observe(source.ref.name, version)
        return
    known = DYNAMIC_KEYS if isinstance(source.partitions, Dynamic) else keys_of(scene, source)
    scene.observe(source.ref.name, version, *draw.draw(st.lists(st.sampled_from(known), min_size=1, max_size=4)))


@LONG
@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(a_graph(), st.data())
def test_verdicts_of_partitions_are_what_looking_at_everything_says(assets: list[Asset], data: st.DataObject) -> None:
    scene = Scene(now=NOW)
    scene.put(*assets)
    for _ in range(data.draw(st.integers(1, 12))):
        do(data, scene, assets)
        check(scene, assets)


@LONG
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(a_graph(), st.data())
def test_once_all_is_quiet_what_is_eager_is_fresh_or_has_failed_or_waits(
    assets: list[Asset], data: st.DataObject
) -> None:
    """And no run was ever started twice, which `Scene` asserts."""
    assets = [replace(one, policy=an_asset("x", eager=True).policy) if one.deps else one for one in assets]
    scene, oracle = Scene(now=NOW), None
    scene.put(*assets)
    for _ in range(data.draw(st.integers(1, 10))):
        do(data, scene, assets)
    scene.end_all(2000)
    oracle = Oracle(scene)
    for asset in assets:
        if asset.kind is not AssetKind.DERIVED or asset.partitions is None:
            continue
        for key in keys_of(scene, asset):
            pairs = [oracle.current(asset, place, key) for place in range(len(asset.deps))]
            complete = all(
                version is not None and all(_has_version(scene, *one) for one in parts) for version, parts in pairs
            )
            failed = key in scene.slices(asset.ref.name).failures
            above = all(oracle.is_fresh(*one) for _, parts in pairs for one in parts)
            if complete and above and not failed:
                assert oracle.is_fresh(asset, key), (asset.ref.name, key, scene.why(asset.ref.name))


def _has_version(scene: Scene, asset: Asset, key: str | None) -> bool:
    if key is None:
        return scene.world.states[asset.id].version is not None
    return key in scene.slices(asset.ref.name).versions
