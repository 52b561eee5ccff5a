"""When a source is observed, and when an ObservationJob runs.

A source is observed on request, at its own interval (`spec.observe.every`), and as a member of a run of an
ObservationJob. An observation needs nothing of the store: it goes on while Redis is away.
"""

from __future__ import annotations

from datetime import datetime

from upwell.protocol import RunKind
from upwell_operator.domain import observed_partitions
from upwell_operator.domain.actions import Action, Planned, StartRun
from upwell_operator.domain.concurrency import begun, ending, held_back, replaced
from upwell_operator.domain.deciding import decide, next_fence
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.grouping import grouped
from upwell_operator.domain.identity import interval_run, job_run, member_run, requested_run
from upwell_operator.domain.selecting import labelled, select
from upwell_operator.domain.snapshot import UNSAID, Asset, AssetKind, ObservationJob, Ref, Trigger, TriggerType
from upwell_operator.domain.texts import named
from upwell_operator.domain.world import World
from upwell_operator.errors import Rejected, Stalled
from upwell_operator.resources.meta import Kind, Reason

OBSERVABLE_ONLY = "an ObservationJob selects observable source assets only"


def plan_observation(world: World, asset: Asset, now: datetime) -> Planned:
    """Decide about one source: its request first, then its interval."""
    if asset.request and asset.request != asset.handled_request:
        return _requested(world, asset, asset.request, now)
    if asset.every:
        return _interval(world, asset, asset.every.total_seconds(), now)
    return Planned()


def _requested(world: World, asset: Asset, token: str, now: datetime) -> Planned:
    name = requested_run(asset, RunKind.OBSERVE, token)
    if world.runs.get(Ref(asset.ref.namespace, name)):
        return Planned(handled_request=token)
    if asset.suspended:
        message = f"request {token}: spec.suspend is true"
        return Planned(decisions=(decide(asset, Verb.WAIT, Why.SUSPENDED, message, now),))
    try:
        keys = observed_partitions.by_request(asset, now)
    except Rejected as error:
        refused = decide(asset, Verb.NO_RUN, Why.RUN_REFUSED, f"request {token}: {error}", now)
        return Planned(decisions=(refused,), handled_request=token)
    start = observation(world, asset, name, Trigger(TriggerType.REQUEST, token), request=token, keys=keys)
    only = f": partitions {named(keys)}" if keys else ""
    why = decide(asset, Verb.RUN, Why.REQUESTED, f"request {token}{only}", now, name)
    return Planned((start,), (why,), handled_request=token)


def _interval(world: World, asset: Asset, seconds: float, now: datetime) -> Planned:
    origin = asset.created_at or now
    slot = max(0, int((now - origin).total_seconds() // seconds))
    begun = origin + slot * (asset.every or (now - now))
    wake = begun + (asset.every or (now - now))
    if asset.suspended or _looked_since(world, asset, begun):
        return Planned(wake=wake)
    if world.runs.open(asset.ref):
        why = decide(asset, Verb.WAIT, Why.ALREADY_RUNNING, "the interval is over, but an observation still runs", now)
        return Planned(decisions=(why,), wake=wake)
    name = interval_run(asset, slot)
    start = observation(world, asset, name, Trigger(TriggerType.EVERY, f"interval {slot}"))
    return Planned(
        (start,), (decide(asset, Verb.RUN, Why.DUE, f"interval {slot} of spec.observe.every", now, name),), wake
    )


def _looked_since(world: World, asset: Asset, begun: datetime) -> bool:
    """Say whether an observation of this interval was started, as far as Jobs, store and status remember."""
    state = world.state(asset)
    times = [run.created_at for run in world.runs.of(asset.ref)]
    times += [state.observation.time if state.observation else None, state.failure.time if state.failure else None]
    return any(time is not None and time >= begun for time in times)


def observation(
    world: World,
    asset: Asset,
    name: str,
    trigger: Trigger,
    *,
    request: str | None = None,
    job: ObservationJob | None = None,
    job_run: str | None = None,
    keys: tuple[str, ...] = (),
) -> StartRun:
    """Give the action that observes an asset once, under the given identity."""
    return StartRun(
        Ref(asset.ref.namespace, name),
        asset,
        RunKind.OBSERVE,
        next_fence(world, asset),
        trigger,
        request=request,
        observation_job=job.ref.name if job else None,
        job_run=job_run,
        partitions=keys,
        defaults=job.defaults if job else UNSAID,
    )


def selected(world: World, job: ObservationJob) -> list[Asset]:
    """Give the assets of an ObservationJob. Raises Stalled for a mixed selection or a name that is no asset.

    Never a part of them: a selection that cannot be observed whole is an error (Dagster's rule, design row 13).
    """
    refs = chosen(world, job)
    found = [asset for ref in refs if (asset := world.graph.get(ref))]
    absent = [ref.name for ref in refs if world.graph.get(ref) is None]
    if absent:
        message = f"spec.assets: no such asset: {named(absent)}; apply them, or take the names out"
        raise Stalled(Reason.ASSET_NOT_FOUND, message)
    mixed = [asset.ref.name for asset in found if asset.kind is not AssetKind.SOURCE]
    if mixed:
        message = f"cannot observe: {named(mixed)} (no observe function); {OBSERVABLE_ONLY}"
        raise Stalled(Reason.MIXED_SELECTION, message)
    if not found:
        field = "selection" if job.selector is None else "selector"
        message = f"spec.{field}: it selects no asset of this namespace; kubectl get assets --show-labels shows them"
        raise Stalled(Reason.NOTHING_SELECTED, message)
    return found


def looked_at(world: World, job: ObservationJob, now: datetime) -> list[tuple[Asset, tuple[str, ...] | None]]:
    """Give the assets of an ObservationJob with the partitions that are looked at. Raises Stalled like `selected`."""
    return [(asset, observed_partitions.by_policy(job, asset, now)) for asset in selected(world, job)]


def chosen(world: World, job: ObservationJob) -> list[Ref]:
    """Give the names that an ObservationJob comes to now, whether or not they can be observed."""
    namespace = job.ref.namespace
    if job.selection is not None:
        return select(job.selection, world.graph, namespace)
    if job.selector is not None:
        return labelled(job.selector, world.graph, namespace)
    return [Ref(namespace, name) for name in job.assets]


def plan_job(world: World, job: ObservationJob, now: datetime) -> Planned:
    """Decide about one ObservationJob by itself: on request, or because it was applied. Schedules are elsewhere."""
    asked = job.request if job.request and job.request != job.handled_request else None
    applied = job.generation if job.run_on_apply and job.applied_generation != job.generation else None
    if asked is None and applied is None:
        return Planned()
    trigger = ("request", asked) if asked else ("apply", applied)
    run = job_run(job.uid, *trigger)
    handled = {"handled_request": asked, "handled_generation": None if asked else applied}
    refusal = None if begun(world, job, run) else held_back(world, job)
    if refusal:
        return Planned(decisions=(decide_job(job, Verb.WAIT, refusal[0], refusal[1], now),))
    reason = Why.REQUESTED if asked else Why.APPLIED
    detail = f"{trigger[0]} {trigger[1]}"
    actions = job_starts(world, job, run, detail, now)
    why = decide_job(job, Verb.RUN, reason, f"{detail}{ending(actions)}", now, run)
    return Planned(actions, (why,), job_run=run, **handled)  # type: ignore[arg-type]  # the two keys above


def job_starts(world: World, job: ObservationJob, run: str, detail: str, now: datetime) -> tuple[Action, ...]:
    """Give the actions of one run of a job: every selected asset that is not suspended. Raises Stalled.

    One that has no partition yet to look at is left out. Whatever the run replaces is ended before.
    """
    trigger = Trigger(TriggerType.OBSERVATION_JOB, f"{job.ref.name}: {detail}")
    starts = tuple(
        observation(world, asset, member_run(asset, run), trigger, job=job, job_run=run, keys=keys or ())
        for asset, keys in looked_at(world, job, now)
        if keys != () and not asset.suspended and world.graph.problem(asset.ref) is None
    )
    return (*replaced(world, job, run), *grouped(world, job, run, starts))


def decide_job(
    job: ObservationJob, verb: Verb, reason: Why, message: str, now: datetime, run: str | None = None
) -> Decision:
    """Give the record of a decision about an ObservationJob."""
    return Decision(Kind.OBSERVATION_JOB, job.ref, verb, reason.value, message, now, run=run)
