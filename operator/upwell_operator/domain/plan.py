"""What next: the world and the time in, actions and reasons out. Every run that Upwell starts is decided here.

`plan` is total: an object that cannot be planned raises Stalled for itself alone. `follow` must run before it: it
brings up to date what is stale, and what is about to be rebuilt, since those who build on that wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from upwell_operator.domain.actions import Planned, PruneRun
from upwell_operator.domain.concurrency import prunes
from upwell_operator.domain.deciding import decide
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.filling import plan_partitions, will_fill
from upwell_operator.domain.materializing import plan_materialization, will_rebuild
from upwell_operator.domain.observing import looked_at, plan_job, plan_observation
from upwell_operator.domain.partitions import changes_at
from upwell_operator.domain.scheduling import plan_schedule
from upwell_operator.domain.snapshot import Asset, AssetKind, Outcome, Ref, Run
from upwell_operator.domain.staleness import Staleness, propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind


def plan(world: World, kind: Kind, ref: Ref, now: datetime) -> Planned:
    """Decide about one object; an object that is gone plans nothing. Raises Stalled when a person must act."""
    return _PLANNERS[kind](world, ref, now)


def follow(world: World, refs: Iterable[Ref], now: datetime) -> set[Ref]:
    """Bring verdicts and `pending` up to date after these assets changed, and all below them.

    Gives those to plan anew: whose verdict, or whose waiting for an input, is another now; and what was never built
    below them, or is built by partition, since a run that failed is tried again for another version, which no verdict
    tells of.
    """
    graph, dirty = world.graph, {*refs, *world.graph.turned()}
    moved = set(propagate(graph, world.states, world.verdicts, dirty, now))
    flipped = settle_pending(world, dirty | moved, now)
    waiting = {below for ref in flipped for below in graph.downstream(ref)}
    silent = {below for ref in moved for below in graph.downstream(ref) if _says_nothing(world, below)}
    return moved | flipped | waiting | silent


def _says_nothing(world: World, ref: Ref) -> bool:
    """Say whether an asset's verdict may be the same although an input changed."""
    return world.verdicts[ref].staleness is Staleness.MISSING or world.graph.node(ref).cut is not None


def settle_pending(world: World, refs: Iterable[Ref], now: datetime) -> set[Ref]:
    """Bring `world.pending` up to date for these assets and below, as far as it changes; give those that changed."""
    changed: set[Ref] = set()
    frontier = set(refs)
    while frontier:
        flipped = {ref for ref in world.graph.in_order(frontier) if _settle(world, ref, now)}
        changed |= flipped
        frontier = {below for ref in flipped for below in world.graph.downstream(ref)}
    return changed


def _settle(world: World, ref: Ref, now: datetime) -> bool:
    asset = world.graph.get(ref)
    pending = asset is not None and world.graph.problem(ref) is None and _will_build(world, asset, now)
    if pending is (ref in world.pending):
        return False
    (world.pending.add if pending else world.pending.discard)(ref)
    return True


def _will_build(world: World, asset: Asset, now: datetime) -> bool:
    return (will_rebuild if asset.partitions is None else will_fill)(world, asset, now)


def _plan_asset(world: World, ref: Ref, now: datetime) -> Planned:
    asset = world.graph.get(ref)
    if asset is None:
        return Planned()
    problem = world.graph.problem(ref)
    if problem is not None:
        planned = Planned(decisions=(decide(asset, Verb.NO_RUN, problem.reason.value, problem.message, now),))
    elif asset.kind is AssetKind.EXTERNAL:
        planned = _plan_external(asset, now)
    else:
        planned = _planner(asset)(world, asset, now)
    if asset.partitions is not None and asset.kind is not AssetKind.DERIVED:
        planned = replace(planned, wake=_earlier(planned.wake, changes_at(asset.partitions, now)))
    return replace(planned, actions=(*planned.actions, *_prunes(world, asset)))


def _planner(asset: Asset) -> Callable[[World, Asset, datetime], Planned]:
    if asset.kind is AssetKind.SOURCE:
        return plan_observation
    return plan_materialization if asset.partitions is None else plan_partitions


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def _plan_external(asset: Asset, now: datetime) -> Planned:
    if not asset.request or asset.request == asset.handled_request:
        return Planned()
    message = f"request {asset.request}: nothing to run; give the asset spec.observe or spec.materialize"
    return Planned(
        decisions=(decide(asset, Verb.NO_RUN, Why.NOT_RUNNABLE, message, now),), handled_request=asset.request
    )


def _prunes(world: World, asset: Asset) -> list[PruneRun]:
    """Give the recorded runs beyond the history limits, the way CronJob counts them: successes and failures apart.

    The runs of an ObservationJob are not counted: that job's own limits say how long they are kept.
    """
    own = [run for run in world.runs.of(asset.ref) if run.group is None and _job_of(run) not in world.jobs]
    recorded = [run for run in own if run.outcome is not None]
    failed = [run for run in recorded if run.outcome is Outcome.FAILED]
    succeeded = [run for run in recorded if run.outcome is not Outcome.FAILED]
    surplus = (
        succeeded[: max(0, len(succeeded) - asset.successful_runs)] + failed[: max(0, len(failed) - asset.failed_runs)]
    )
    return [PruneRun(run) for run in surplus]


def _job_of(run: Run) -> Ref:
    return Ref(run.ref.namespace, run.observation_job or "")


def _plan_job(world: World, ref: Ref, now: datetime) -> Planned:
    job = world.jobs.get(ref)
    if job is None:
        return Planned()
    looked_at(world, job, now)
    planned = plan_job(world, job, now)
    return replace(planned, actions=(*planned.actions, *prunes(world, job)))


def _plan_schedule(world: World, ref: Ref, now: datetime) -> Planned:
    schedule = world.schedules.get(ref)
    return plan_schedule(world, schedule, now) if schedule else Planned()


_PLANNERS: dict[Kind, Callable[[World, Ref, datetime], Planned]] = {
    Kind.ASSET: _plan_asset,
    Kind.OBSERVATION_JOB: _plan_job,
    Kind.SCHEDULE: _plan_schedule,
}
