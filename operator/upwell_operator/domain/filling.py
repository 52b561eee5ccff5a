"""Which partitions of an asset Upwell builds by itself: those that building would mend.

With the policy Eager at once; with Cron, or for a Schedule, at a tick, those that were not built since. A tick is open
until nothing more can be built at it, and what becomes stale meanwhile is still built; what becomes so later waits for
the next one.

Limits: `settle` and `minInterval` are the asset's, not a partition's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from upwell_operator.domain import ticking
from upwell_operator.domain.actions import Planned
from upwell_operator.domain.backfill import plan_request
from upwell_operator.domain.conditions import timestamp
from upwell_operator.domain.deciding import TO_BUILD, Refusal, builds_from, decide, mendable, on_hold
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.pacing import held
from upwell_operator.domain.site import Site, decided, has_startable, site, start_runs, startable, upstream_pending
from upwell_operator.domain.snapshot import Asset, AutoPolicy, Trigger, TriggerType
from upwell_operator.domain.world import World


def plan_partitions(world: World, asset: Asset, now: datetime) -> Planned:
    """Decide about the partitions of one derived asset. Takes the world after its verdicts are up to date."""
    here = site(world, asset.ref, now)
    if here is None:
        return Planned()
    token = asset.request
    asked = token and token != asset.handled_request
    planned = plan_request(here, token) if token and asked else _automatic(here)
    times = filter(None, (planned.wake, here.cut.until))
    return replace(planned, wake=min(times, default=None))


def will_fill(world: World, asset: Asset, now: datetime) -> bool:
    """Say whether Upwell is building partitions of this asset, or will by itself: with Cron, while a tick is open."""
    here = site(world, asset.ref, now)
    if here is None or asset.policy is AutoPolicy.NEVER or asset.suspended:
        return bool(here and here.busy)
    if here.busy or asset.cron is None:
        return bool(here.busy) or has_startable(here)
    tick = ticking.open_tick(asset, now)
    return tick is not None and has_startable(here, tick)


def _automatic(here: Site) -> Planned:
    asset, now = here.asset, here.now
    for wanted in here.world.wanted_by_clock(asset.ref):
        if has_startable(here, wanted.tick):
            return _fill(here, wanted.tick, wanted.trigger)
    if asset.policy is AutoPolicy.NEVER:
        return _left_alone(here, Why.POLICY_NEVER, "spec.autoMaterialize.policy is Never; request them, or set Eager")
    if asset.cron is None:
        return _fill(here)
    ticking.check(asset.cron)
    wake, tick = ticking.following(asset.cron, now), ticking.newest(asset, now)
    if tick is None:
        at = timestamp(wake) if wake else "which never comes"
        return replace(_left_alone(here, Why.NEXT_TICK, f"they are built at the next tick, {at}"), wake=wake)
    return replace(_fill(here, tick), wake=wake)


def _fill(here: Site, tick: datetime | None = None, asked: Trigger | None = None) -> Planned:
    """Build what may be built: what is stale now, or what was not built since a tick, its own or a Schedule's."""
    asset, now = here.asset, here.now
    refusal = on_hold(here.world, asset)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, *refusal, now),))
    blocked: list[Refusal] = []
    room = here.room(asset.parallelism)
    chosen = list(islice(startable(here, blocked, tick), room))
    if chosen and (waits := held(here.world, asset, now)):
        return Planned(decisions=(decide(asset, Verb.WAIT, waits.why, waits.message, now),), wake=waits.until)
    if not chosen:
        nothing = _none_chosen(here, blocked, room)
        return replace(nothing, tick=tick) if _is_over(here, blocked) else nothing
    starts = start_runs(here, [(one, asked or _trigger(here, one.key, tick)) for one in chosen])
    why = Why.DUE if tick else Why.STALE
    told = (decided(here, one, why, builds_from(one.trigger.detail, one.inputs)) for one in starts)
    return Planned(starts, tuple(told))


def _is_over(here: Site, blocked: Sequence[Refusal]) -> bool:
    """Say whether a tick at which nothing more can be built is answered: nothing goes on, here or in an input.

    What waits for an input that nobody has observed yet does not keep it open: it may wait for years.
    """
    if here.busy or any(why is Why.UPSTREAM_PENDING for why, _ in blocked):
        return False
    return not any(upstream_pending(here, key) for key in here.cut.waiting)


def _trigger(here: Site, key: str, tick: datetime | None) -> Trigger:
    if tick is not None:
        return Trigger(TriggerType.CRON, f"tick {tick.isoformat()}")
    verdict = here.cut.verdicts[key]
    return Trigger(TriggerType.EAGER, (mendable(verdict) or verdict.reason).value)


def _left_alone(here: Site, why: Why, words: str) -> Planned:
    stale = sum(one.staleness in TO_BUILD for one in here.cut.verdicts.values())
    if not stale:
        return Planned(decisions=(_fresh(here),))
    verb = Verb.NO_RUN if why is Why.POLICY_NEVER else Verb.WAIT
    message = f"{stale} partitions are not fresh, but {words}"
    return Planned(decisions=(decide(here.asset, verb, why, message, here.now),))


def _none_chosen(here: Site, blocked: Sequence[Refusal], room: int) -> Planned:
    if not room:
        message = f"{len(here.busy)} partitions are being built, as many as parallelism allows"
        return Planned(decisions=(decide(here.asset, Verb.WAIT, Why.ALREADY_RUNNING, message, here.now),))
    if not blocked and not here.cut.waiting:
        return Planned(decisions=(_fresh(here),))
    why, first = blocked[0] if blocked else (Why.INPUT_MISSING, next(iter(here.cut.waiting.values())))
    count = len(blocked) + len(here.cut.waiting)
    message = f"{count} partitions wait: {first}" if count > 1 else first
    verb = Verb.NO_RUN if why is Why.RUN_FAILED else Verb.WAIT
    return Planned(decisions=(decide(here.asset, verb, why, message, here.now),))


def _fresh(here: Site) -> Decision:
    message = f"{len(here.cut.keys)} partitions, and none that building would mend"
    return decide(here.asset, Verb.NO_RUN, Why.FRESH, message, here.now)
