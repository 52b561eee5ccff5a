"""What a tick of a Schedule with `materialize` wants built: its selection, upstream first, each asset once.

Each asset gets the run that a request would get, with the tick for a token; the asset itself starts it, when nothing
else of it runs (`materializing`). How far a tick has come is read from runs and states, never counted: a run of its
name, or a build since the tick, answers it. What stands below a selected asset waits until that has been built; below
one that failed, nothing is built.

Of what is built by partition, those are built that are not fresh and were not built since the tick, so many at once;
with `onlyStale: false` such an asset is left out: nobody means ten years of days each night.

Limits: with `onlyStale`, an asset is built if that mends it. One that is stale only because an input outside of the
selection is stale would be built from the same versions again, so it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from upwell.protocol import RunKind
from upwell_operator.domain.actions import Planned
from upwell_operator.domain.deciding import OWN_REASONS
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.identity import requested_run
from upwell_operator.domain.materializing import answered
from upwell_operator.domain.schedules import Rebuild, Schedule
from upwell_operator.domain.selecting import select
from upwell_operator.domain.site import has_startable, site
from upwell_operator.domain.snapshot import Asset, AssetKind, Outcome, Ref, Run, RunPhase, Trigger, TriggerType, Wanted
from upwell_operator.domain.texts import named
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason


class Stage(StrEnum):
    """How far an asset is within one tick, in the words of its record."""

    READY = "builds"
    RUNNING = "runs"
    WAITING = "then"
    BUILT = "built"
    FAILED = "failed, or an input did"
    FRESH = "nothing to mend in"
    LEFT_OUT = "left out (suspended, by partition and not onlyStale, or no spec.materialize)"


_UNDONE = frozenset({Stage.READY, Stage.RUNNING, Stage.WAITING})
_BECAME = {
    RunPhase.ACTIVE: Stage.RUNNING,
    Outcome.FAILED: Stage.FAILED,
    Outcome.MATERIALIZED: Stage.BUILT,
}
Stages = Mapping[Ref, Stage]


def chosen(world: World, schedule: Schedule, target: Rebuild) -> list[Ref]:
    """Give what the selection comes to, upstream first. Raises Stalled if nothing of it can be materialized."""
    found = world.graph.in_order(select(target.selection, world.graph, schedule.ref.namespace))
    if not any(_derived(world, ref) for ref in found):
        message = "spec.materialize.selection: it selects no asset of this namespace that has spec.materialize"
        raise Stalled(Reason.NOTHING_SELECTED, message)
    return found


def runs_of(world: World, schedule: Schedule, target: Rebuild) -> list[Run]:
    """Give the runs of the selected assets that this schedule has asked for."""
    assets = select(target.selection, world.graph, schedule.ref.namespace)
    runs = [run for ref in assets for run in world.runs.of(ref) if run.trigger.type is TriggerType.SCHEDULE]
    return [run for run in runs if run.trigger.detail.startswith(f"schedule {schedule.ref.name}, ")]


def begin(world: World, schedule: Schedule, target: Rebuild, tick: datetime, now: datetime) -> Planned:
    """Answer a tick: from now on it is the current one, for as long as something of it is to be started."""
    return replace(go_on(world, schedule, target, tick, now), tick=tick)


def go_on(world: World, schedule: Schedule, target: Rebuild, tick: datetime, now: datetime) -> Planned:
    """Say what the current tick wants built by now. Raises Stalled."""
    stages: dict[Ref, Stage] = {}
    wanted: list[tuple[Ref, Wanted]] = []
    for ref in chosen(world, schedule, target):
        asset = world.graph.node(ref).asset
        build = _build(schedule, asset, tick)
        stages[ref] = _stage(world, asset, build, target, stages, now)
        if stages[ref] is Stage.READY:
            wanted.append((ref, build))
    waits = wanted or Stage.WAITING in stages.values()
    told = (_words(schedule, stages, tick, now),)
    return Planned(decisions=told, current=tick if waits else None, wanted=tuple(wanted))


def _stage(world: World, asset: Asset, build: Wanted, target: Rebuild, above: Stages, now: datetime) -> Stage:
    """Give how far an asset is; first match."""
    by_all = asset.partitions is not None and not target.only_stale
    if not _derived(world, asset.ref) or asset.suspended or by_all:
        return Stage.LEFT_OUT
    if asset.partitions is None and (became := answered(world, asset, build)) is not None:
        return _BECAME[became]
    inputs = {above[dep] for dep in asset.deps if dep in above}
    if Stage.FAILED in inputs:
        return Stage.FAILED
    if inputs & _UNDONE:
        return Stage.WAITING
    if asset.partitions is not None:
        return _of_partitions(world, asset, build.tick, now)
    mends = not target.only_stale or world.verdicts[asset.ref].reason in OWN_REASONS
    return Stage.READY if mends else Stage.FRESH


def _of_partitions(world: World, asset: Asset, tick: datetime, now: datetime) -> Stage:
    """Give how far an asset is that is built by partition: it failed if none of its partitions came to a result."""
    here = site(world, asset.ref, now)
    if here is None:
        return Stage.LEFT_OUT
    if has_startable(here, tick):
        return Stage.READY
    if here.busy:
        return Stage.RUNNING
    for known, stage in ((here.slices.made, Stage.BUILT), (here.slices.failures, Stage.FAILED)):
        if any(here.was_built_since(key, tick) for key in known):
            return stage
    return Stage.FRESH


def _build(schedule: Schedule, asset: Asset, tick: datetime) -> Wanted:
    run = requested_run(asset, RunKind.MATERIALIZE, f"{schedule.uid} {tick.isoformat()}")
    trigger = Trigger(TriggerType.SCHEDULE, f"schedule {schedule.ref.name}, tick {tick.isoformat()}")
    return Wanted(run, trigger, tick)


def _derived(world: World, ref: Ref) -> bool:
    asset = world.graph.get(ref)
    return asset is not None and asset.kind is AssetKind.DERIVED and world.graph.problem(ref) is None


def _words(schedule: Schedule, stages: Stages, tick: datetime, now: datetime) -> Decision:
    """Say what the tick comes to: who runs, who waits, who failed, who needs nothing, who cannot."""
    groups = {stage: [ref.name for ref in stages if stages[ref] is stage] for stage in Stage}
    said = "; ".join(f"{stage} {named(names)}" for stage, names in groups.items() if names)
    verb, why = (Verb.RUN, Why.DUE) if {*stages.values()} & {*_UNDONE, Stage.BUILT} else (Verb.NO_RUN, Why.FRESH)
    return Decision(Kind.SCHEDULE, schedule.ref, verb, why.value, f"tick {tick.isoformat()}: {said}", now)
