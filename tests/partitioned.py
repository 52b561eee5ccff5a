"""A world of partitioned assets in memory: what is reported is judged and planned at once, and runs end when told to.

It stands for the store and the cluster in tests of the domain: `slices` change as `store.moved` would change them, and
a run exists from the moment at which a plan has started it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from builders import NOW, a_ref, a_run, an_asset
from upwell.protocol import RunKind
from upwell_operator.domain import partitions
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.node import Node
from upwell_operator.domain.partitions import Partitions
from upwell_operator.domain.plan import follow, plan, settle_pending
from upwell_operator.domain.snapshot import (
    UNKNOWN_STATE,
    Asset,
    AssetKind,
    AssetState,
    Failure,
    Materialization,
    Observation,
    Outcome,
    Ref,
    RunPhase,
    Slices,
)
from upwell_operator.domain.staleness import Verdict
from upwell_operator.domain.versions import set_digest
from upwell_operator.domain.world import World
from upwell_operator.resources import partitions as model
from upwell_operator.resources.meta import Kind


def cut(**written: Any) -> Partitions:
    """Read a definition as a manifest has it."""
    return partitions.accept(model.Partitions.model_validate(written))


def windows(cron: str = "@daily", start: str = "2026-11-18", form: str = "%Y-%m-%d", **written: Any) -> Partitions:
    """Cut into windows of time; with the default, four days are over at `NOW`."""
    return cut(timeWindow={"cron": cron, "start": start, "format": form, **written})


@dataclass
class Scene:
    """Assets, what was reported of them, and the runs that plans have started."""

    world: World = field(default_factory=World)
    now: datetime = NOW
    started: list[StartRun] = field(default_factory=list)
    plans: dict[str, Planned] = field(default_factory=dict)
    serial: int = 0

    def put(self, *assets: Asset) -> None:
        """Take in assets, new or changed, and look at whatever that concerns."""
        touched = {ref for asset in assets for ref in self.world.graph.put(asset)}
        for asset in assets:
            if asset.id not in self.world.states:
                slices = None if asset.partitions is None else Slices()
                self.world.states[asset.id] = AssetState(slices=slices)
        self.look(touched)

    def look(self, refs: Iterable[Ref]) -> None:
        """Judge and plan, as a pass does, and start what is planned."""
        dirty = set(refs)
        for ref in self.world.graph.in_order(dirty | follow(self.world, dirty, self.now)):
            self._plan(ref)

    def _plan(self, ref: Ref) -> None:
        planned = self.plans[ref.name] = plan(self.world, Kind.ASSET, ref, self.now)
        for start in planned.actions:
            if isinstance(start, StartRun):
                assert self.world.runs.get(start.ref) is None, f"{start.ref} was started twice"
                self.started.append(start)
                run = a_run(start.ref.name, asset=ref.name, kind=start.kind, fence=start.fence, inputs=start.inputs)
                self.world.runs.put(replace(run, partition=start.partition))
        settle_pending(self.world, [ref], self.now)  # the Job is heard of, and its asset looked at
        if planned.handled_request:
            self.world.graph.put(replace(self.asset(ref.name), handled_request=planned.handled_request))

    def asset(self, name: str) -> Asset:
        asset = self.world.graph.get(a_ref(name))
        assert asset
        return asset

    def node(self, name: str) -> Node:
        return self.world.graph.node(a_ref(name))

    def slices(self, name: str) -> Slices:
        slices = self.world.states[self.asset(name).id].slices
        assert slices is not None
        return slices

    # ------------------------------------------------------------- what is reported

    def observe(self, name: str, version: str, *keys: str) -> None:
        """Report a version: of these partitions, or of an asset that is not cut."""
        data, state = self.asset(name).id, self.world.states[self.asset(name).id]
        if keys:
            self._take(name, keys).versions.update(dict.fromkeys(keys, version))
            version = set_digest(self.slices(name).versions)
        seen = Observation(self.now, version)
        state = replace(self.world.states[data], version=version, observation=seen, version_changed_at=self.now)
        self.world.states[data] = state
        self.look([a_ref(name)])

    def end(self, start: StartRun, *, failed: bool = False) -> None:
        """End a run: built from what it was to be built from, or failed."""
        name, key = start.asset.ref.name, start.partition
        run = self.world.runs.get(start.ref)
        assert run
        phase, outcome = (RunPhase.FAILED, Outcome.FAILED) if failed else (RunPhase.SUCCEEDED, Outcome.MATERIALIZED)
        self.world.runs.put(replace(run, phase=phase, outcome=outcome))
        version = "+".join(one.data_version or "none" for one in start.inputs)[-40:]
        made = Materialization(self.now, version, start.asset.code_version, start.ref.name, start.inputs)
        failure = Failure(self.now, RunKind.MATERIALIZE, start.ref.name, "it broke")
        if key is not None:
            self._end_of_partition(name, key, None if failed else made, failure)
        elif failed:
            self.change(name, failure=failure)
        else:
            self.change(name, version=version, materialization=made, failure=None, fence=start.fence)
        self.look([a_ref(name)])

    def _end_of_partition(self, name: str, key: str, made: Materialization | None, failure: Failure) -> None:
        slices = self._take(name, [key])
        if made is None:
            slices.failures[key] = failure
            return
        slices.made[key], slices.versions[key] = made, made.version
        slices.failures.pop(key, None)
        self.change(name, version=set_digest(slices.versions))

    def end_all(self, most: int = 200) -> None:
        """End runs, the oldest first, until none is left; what is started meanwhile is ended as well."""
        while going := self.going:
            assert most, f"it never ends: {[start.ref.name for start in self.started]}"
            most -= 1
            self.end(going[0])

    @property
    def going(self) -> list[StartRun]:
        """Give the runs that have not ended, the oldest first."""
        known = ((start, self.world.runs.get(start.ref)) for start in self.started)
        return [start for start, run in known if run and run.outcome is None]

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        self.look(self.world.graph.refs())

    def _take(self, name: str, keys: Iterable[str]) -> Slices:
        slices = self.slices(name)
        if slices.changed is not None:
            slices.changed.update(keys)
        self.change(name)
        return slices

    def change(self, name: str, **fields: Any) -> None:
        """Have the store say something else of an asset; nobody looks at it yet."""
        self.serial += 1
        data = self.asset(name).id
        self.world.states[data] = replace(self.world.states.get(data, UNKNOWN_STATE), serial=str(self.serial), **fields)

    # ------------------------------------------------------------- what is said

    def verdict(self, name: str, key: str | None = None) -> Verdict | None:
        """Give the verdict of an asset, or of one partition: None if it is fresh."""
        if key is None:
            return self.world.verdicts[a_ref(name)]
        node = self.node(name)
        assert node.cut is not None
        assert key in node.cut.keys, f"{key} is none of {list(node.cut.keys)}"
        return node.cut.verdicts.get(key)

    def built(self, name: str) -> list[str]:
        """Give the partitions that were ever started, in order."""
        return [start.partition or "" for start in self.started if start.asset.ref.name == name]

    def why(self, name: str) -> tuple[str, str]:
        """Give the last decision about an asset: verb, and its words."""
        (first, *_) = self.plans[name].decisions
        return first.verb.value, first.message


def a_source(name: str, definition: Partitions | None = None, **fields: Any) -> Asset:
    return an_asset(name, partitions=definition, **fields)


def a_derived(name: str, *deps: str, by: Partitions | None = None, eager: bool = True, **fields: Any) -> Asset:
    return an_asset(name, deps=deps, kind=AssetKind.DERIVED, partitions=by, eager=eager, **fields)
