"""When a derived asset is materialized: because it was asked for, or because it is stale and its policy says so.

Level, not edge: the decision looks at what was consumed and at what is current, never at what has just happened. So
ten changes during one run lead to one more run, and a change that was undone leads to none.

"None is running" concerns materializations of inputs. A running observation of a source is not waited for: a source
that is observed all the time would starve everything below it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain import causes as because
from upwell_operator.domain import ticking
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.conditions import timestamp
from upwell_operator.domain.deciding import (
    TO_BUILD,
    Refusal,
    builds_from,
    decide,
    mendable,
    next_fence,
    on_hold,
    run_of,
)
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.identity import requested_run
from upwell_operator.domain.pacing import held
from upwell_operator.domain.snapshot import (
    Asset,
    AssetKind,
    AutoPolicy,
    Cron,
    Outcome,
    Ref,
    RunPhase,
    Trigger,
    TriggerType,
    Wanted,
)
from upwell_operator.domain.staleness import Staleness, Verdict
from upwell_operator.domain.texts import clipped
from upwell_operator.domain.ticking import is_owed
from upwell_operator.domain.versions import consumed, current
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Reason


def wanted_run(world: World, asset: Asset, tick: str = "") -> tuple[str, tuple[InputVersion, ...]]:
    """Name the run that an asset wants by itself now (with the policy Cron: at a tick), and what it would consume."""
    inputs = consumed(asset, world.graph, world.states)
    return run_of(world, asset, inputs, world.state(asset).materialization, tick), inputs


def will_rebuild(world: World, asset: Asset, now: datetime) -> bool:
    """Say whether Upwell is rebuilding this asset, or will by itself: what builds on it waits for that.

    One that only waits for time (`pacing`) will: whoever is below would otherwise be built twice, first from a mixture.
    One with the policy Cron will while a tick of it is open, and not between its ticks.
    """
    if any(run.kind is RunKind.MATERIALIZE for run in world.runs.open(asset.ref)):
        return True
    if asset.kind is not AssetKind.DERIVED or asset.policy is AutoPolicy.NEVER or asset.suspended:
        return False
    verdict = world.verdicts.get(asset.ref)
    if verdict is None or verdict.staleness not in TO_BUILD or not _tries(world, asset, now):
        return False
    pending = any(dep in world.pending for dep in asset.deps)
    return pending or (mendable(verdict) is not None and not (_missing(world, asset) or _quarantined(world, asset)))


def _tries(world: World, asset: Asset, now: datetime) -> bool:
    """Say whether its policy lets it be built at this time, what failed not being tried again."""
    return is_owed(world, asset, now) if asset.policy is AutoPolicy.CRON else not _failed(world, asset)


def plan_materialization(world: World, asset: Asset, now: datetime) -> Planned:
    """Decide about one derived asset. Takes the world after its verdicts and `pending` are up to date.

    Raises Stalled for a cron line or a time zone that cannot be read.
    """
    if asset.cron is not None:
        ticking.check(asset.cron)
    if asset.request and asset.request != asset.handled_request:
        return _requested(world, asset, asset.request, now)
    for wanted in world.wanted_by_clock(asset.ref):
        if answered(world, asset, wanted) is None:
            return _by_the_clock(world, asset, wanted, now)
    return _automatic(world, asset, now)


def _requested(world: World, asset: Asset, token: str, now: datetime) -> Planned:
    name = requested_run(asset, RunKind.MATERIALIZE, token)
    if world.runs.get(Ref(asset.ref.namespace, name)):
        return Planned(handled_request=token)
    refusal = _not_now(world, asset) or _awaited(world, asset)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, refusal[0], f"request {token}: {refusal[1]}", now),))
    barred = _quarantined(world, asset)
    if barred:
        refused = decide(asset, Verb.NO_RUN, barred[0], f"request {token}: {barred[1]}", now)
        return Planned(decisions=(refused,), handled_request=token)
    start = _start(
        world, asset, name, consumed(asset, world.graph, world.states), Trigger(TriggerType.REQUEST, token), token
    )
    why = decide(asset, Verb.RUN, Why.REQUESTED, f"request {token}", now, name)
    return Planned((start,), (why,), handled_request=token)


def answered(world: World, asset: Asset, wanted: Wanted) -> Outcome | RunPhase | None:
    """Say what became of a build that a tick wants: from its Job, or from what the asset remembers. None: nothing yet.

    Whatever else has built the asset since the tick has answered it as well.
    """
    run, state = world.runs.get(Ref(asset.ref.namespace, wanted.run)), world.state(asset)
    if run is not None:
        return run.outcome or RunPhase.ACTIVE
    failure, made = state.failure, state.materialization
    if failure and failure.kind is RunKind.MATERIALIZE and failure.time >= wanted.tick:
        return Outcome.FAILED
    return Outcome.MATERIALIZED if made and made.time >= wanted.tick else None


def _by_the_clock(world: World, asset: Asset, wanted: Wanted, now: datetime) -> Planned:
    refusal = _not_now(world, asset) or _awaited(world, asset) or _upstream(world, asset)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, refusal[0], f"{wanted.trigger.detail}: {refusal[1]}", now),))
    start = _start(world, asset, wanted.run, consumed(asset, world.graph, world.states), wanted.trigger)
    return Planned((start,), (decide(asset, Verb.RUN, Why.DUE, wanted.trigger.detail, now, wanted.run),))


def _automatic(world: World, asset: Asset, now: datetime) -> Planned:
    if asset.cron is not None:
        return _at_ticks(world, asset, asset.cron, now)
    verdict = world.verdicts[asset.ref]
    if verdict.staleness not in TO_BUILD:
        return _only(asset, Verb.NO_RUN, (Why.FRESH, _fresh_message(verdict.reason)), now)
    if asset.policy is AutoPolicy.NEVER:
        message = "stale, but spec.autoMaterialize.policy is Never; request it, or set the policy to Eager"
        return _only(asset, Verb.NO_RUN, (Why.POLICY_NEVER, message), now)
    return _if_nothing_holds_it_back(world, asset, verdict, now) or _eager(world, asset, verdict, now)


def _at_ticks(world: World, asset: Asset, cron: Cron, now: datetime) -> Planned:
    """Decide about an asset with the policy Cron."""
    verdict, wake = world.verdicts[asset.ref], ticking.following(cron, now)
    tick = ticking.newest(asset, now)
    if verdict.staleness not in TO_BUILD:
        fresh = _only(asset, Verb.NO_RUN, (Why.FRESH, _fresh_message(verdict.reason)), now)
        return replace(fresh, wake=wake, tick=tick if verdict.staleness is Staleness.FRESH else None)
    if tick is None or ticking.is_answered(world, asset, tick):
        message = f"stale; it is built at its next tick, {timestamp(wake) if wake else 'which never comes'}"
        return replace(_only(asset, Verb.WAIT, (Why.NEXT_TICK, message), now), wake=wake, tick=tick)
    waits = _if_nothing_holds_it_back(world, asset, verdict, now)
    if waits:
        return replace(waits, wake=wake)
    at = tick.isoformat()
    return replace(_build(world, asset, Trigger(TriggerType.CRON, f"tick {at}"), now, at), wake=wake, tick=tick)


def _if_nothing_holds_it_back(world: World, asset: Asset, verdict: Verdict, now: datetime) -> Planned | None:
    """Give what is waited for before a stale asset is built by itself."""
    if mendable(verdict) is None:
        return _left_alone(asset, verdict, now)
    refusal = _not_now(world, asset) or _missing(world, asset) or _upstream(world, asset) or _quarantined(world, asset)
    return _only(asset, Verb.WAIT, refusal, now) if refusal else None


def _left_alone(asset: Asset, verdict: Verdict, now: datetime) -> Planned:
    """Say why a stale asset is not built although nothing is in the way: building it would mend nothing."""
    if verdict.reason is Reason.VERSION_QUARANTINED:
        message = "its own version is quarantined; the same inputs would make it again, so change one, or request a run"
        return _only(asset, Verb.NO_RUN, (Why.VERSION_QUARANTINED, message), now)
    message = "an input is stale; this asset follows once that has been rebuilt with another version"
    return _only(asset, Verb.WAIT, (Why.UPSTREAM_PENDING, message), now)


def _eager(world: World, asset: Asset, verdict: Verdict, now: datetime) -> Planned:
    failed = _failed(world, asset)
    if failed:
        return _only(asset, Verb.NO_RUN, (Why.RUN_FAILED, failed), now)
    waits = held(world, asset, now)
    if waits:
        return replace(_only(asset, Verb.WAIT, (waits.why, waits.message), now), wake=waits.until)
    return _build(world, asset, Trigger(TriggerType.EAGER, (mendable(verdict) or verdict.reason).value), now)


def _only(asset: Asset, verb: Verb, why: Refusal, now: datetime) -> Planned:
    """Plan nothing but to say why."""
    return Planned(decisions=(decide(asset, verb, *why, now),))


def _build(world: World, asset: Asset, trigger: Trigger, now: datetime, tick: str = "") -> Planned:
    name, inputs = wanted_run(world, asset, tick)
    start = _start(world, asset, name, inputs, trigger)
    message = builds_from(trigger.detail, inputs)
    return Planned((start,), (decide(asset, Verb.RUN, Why.DUE if tick else Why.STALE, message, now, name),))


def _start(
    world: World,
    asset: Asset,
    name: str,
    inputs: tuple[InputVersion, ...],
    trigger: Trigger,
    request: str | None = None,
) -> StartRun:
    ref = Ref(asset.ref.namespace, name)
    return StartRun(ref, asset, RunKind.MATERIALIZE, next_fence(world, asset), trigger, inputs, request)


def _not_now(world: World, asset: Asset) -> Refusal | None:
    """Give what holds any materialization of this asset back, and the words for it."""
    refusal, running = on_hold(world, asset), world.runs.open(asset.ref)
    if refusal or not running:
        return refusal
    return Why.ALREADY_RUNNING, f"run {running[0].ref.name} is not over yet"


def _missing(world: World, asset: Asset) -> Refusal | None:
    for dep in asset.deps:
        if current(dep, world.graph, world.states) is None:
            return Why.INPUT_MISSING, f"input {dep.name} has no data version yet"
    return None


def _upstream(world: World, asset: Asset) -> Refusal | None:
    for dep in asset.deps:
        if dep in world.pending:
            return Why.UPSTREAM_PENDING, f"input {dep.name} is being rebuilt first"
    return None


def _quarantined(world: World, asset: Asset) -> Refusal | None:
    """Give the input whose current version may not be built from, with the way out."""
    for dep in asset.deps:
        verdict = world.verdicts.get(dep)
        if verdict and (bar := verdict.bar):
            what = because.sentence(bar, asset.ref.namespace).removeprefix("built from ")
            out = "it takes another version, or `upwell quarantine --release`, to build from it"
            return Why.VERSION_QUARANTINED, clipped(f"input {dep.name} is {what}; {out}")
    return None


def _awaited(world: World, asset: Asset) -> Refusal | None:
    """Give the input that a request waits for: one that runs, or that has an unanswered request of its own."""
    for dep in asset.deps:
        upstream = world.graph.get(dep)
        if upstream and (_asked(upstream) or any(run.kind is RunKind.MATERIALIZE for run in world.runs.open(dep))):
            return Why.UPSTREAM_PENDING, f"input {dep.name} is being materialized first"
    return None


def _asked(asset: Asset) -> bool:
    unanswered = asset.request is not None and asset.request != asset.handled_request
    return unanswered and asset.kind is AssetKind.DERIVED and not asset.suspended


def _failed(world: World, asset: Asset) -> str | None:
    """Give the words for a run of this very identity that failed, if one did."""
    failed = {run.ref.name for run in world.runs.of(asset.ref) if run.outcome is Outcome.FAILED}
    failure = world.state(asset).failure
    failed |= {failure.run} if failure else set()
    if failed and (name := wanted_run(world, asset)[0]) in failed:
        return f"run {name} of these versions failed; nothing more until an input, the code or a request changes"
    return None


def _fresh_message(reason: Reason) -> str:
    return "built from the current versions of its inputs" if reason is Reason.UP_TO_DATE else reason.value
