"""Which partitions of an asset are built next: those that a request names, or those that are stale; so many at once.

Each is built by a run of its own, with the same identity as that of an asset, and its key in it; so a backfill is
nothing that is kept anywhere: whoever looks again starts what has neither run nor result yet, however often the
operator died in between. The newest partitions come first.

Limits: a request is answered once every partition that it names has a run, a result or a failure of its own; without
names it means the partitions that are not fresh when it is looked at. `settle` and `minInterval` are the asset's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, islice
from typing import NamedTuple

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain import cut as cutting
from upwell_operator.domain import mapping, partition_ranges
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.cut import Cut, Sight
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
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.identity import requested_run
from upwell_operator.domain.node import Node
from upwell_operator.domain.pacing import held
from upwell_operator.domain.snapshot import (
    UNKNOWN_STATE,
    Asset,
    AutoPolicy,
    Outcome,
    Ref,
    Slices,
    Trigger,
    TriggerType,
)
from upwell_operator.domain.world import World
from upwell_operator.errors import Rejected


class Build(NamedTuple):
    """A partition that is to be built: the name of its run, and what it consumes."""

    key: str
    run: str
    inputs: tuple[InputVersion, ...]


@dataclass(slots=True)
class Site:
    """One asset with its partitions, and what is known of each, for the length of a decision."""

    world: World
    node: Node
    cut: Cut
    now: datetime

    @property
    def asset(self) -> Asset:
        """Give the asset."""
        return self.node.asset

    @property
    def sight(self) -> Sight:
        """Give what a verdict may look at."""
        return Sight(self.world.states, self.world.verdicts, self.now, {})

    @property
    def slices(self) -> Slices:
        """Give what is known of the partitions."""
        return self.world.states.get(self.node.data, UNKNOWN_STATE).slices or cutting.NONE_KNOWN

    @property
    def busy(self) -> set[str]:
        """Give the partitions whose runs are not recorded yet."""
        runs = self.world.runs.open(self.node.ref)
        return {run.partition for run in runs if run.partition is not None}

    @property
    def failed(self) -> set[str]:
        """Give the names of the runs that failed, as far as their Jobs are still there."""
        return {run.ref.name for run in self.world.runs.of(self.node.ref) if run.outcome is Outcome.FAILED}

    def has(self, key: str, run: str) -> bool:
        """Say whether a partition has a run of this name, or its result."""
        made, failed = self.slices.made.get(key), self.slices.failures.get(key)
        known = {made.run if made else None, failed.run if failed else None}
        return run in known or self.world.runs.get(Ref(self.node.ref.namespace, run)) is not None


def site(world: World, ref: Ref, now: datetime) -> Site | None:
    """Give an asset that is built by partition, once its partitions were judged."""
    node = world.graph.node(ref)
    return Site(world, node, node.cut, now) if node.cut is not None else None


def plan_partitions(world: World, asset: Asset, now: datetime) -> Planned:
    """Decide about the partitions of one derived asset. Takes the world after its verdicts are up to date."""
    here = site(world, asset.ref, now)
    if here is None:
        return Planned()
    token = asset.request
    asked = token and token != asset.handled_request
    planned = _requested(here, token) if token and asked else _automatic(here)
    times = filter(None, (planned.wake, here.cut.until))
    return replace(planned, wake=min(times, default=None))


def will_fill(world: World, asset: Asset, now: datetime) -> bool:
    """Say whether Upwell is building partitions of this asset, or will by itself."""
    here = site(world, asset.ref, now)
    if here is None or asset.policy is AutoPolicy.NEVER or asset.suspended:
        return bool(here and here.busy)
    return bool(here.busy) or any(True for _ in _startable(here, []))


# ---------------------------------------------------------------- requests


def _requested(here: Site, token: str) -> Planned:
    asset = here.asset
    refusal = on_hold(here.world, asset)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, refusal[0], f"request {token}: {refusal[1]}", here.now),))
    try:
        keys = _wanted(here)
    except Rejected as error:
        refused = decide(asset, Verb.NO_RUN, Why.RUN_REFUSED, f"request {token}: {error}", here.now)
        return Planned(decisions=(refused,), handled_request=token)
    names = {key: requested_run(asset, RunKind.MATERIALIZE, token, key) for key in keys}
    left = [key for key in keys if not here.has(key, names[key])]
    if not left:
        return Planned(handled_request=token)
    trigger, most = Trigger(TriggerType.REQUEST, token), asset.requested_parallelism or asset.parallelism
    chosen = [key for key in left if key not in here.busy][: _room(here, most)]
    builds = [Build(key, names[key], cutting.inputs_of(here.node, key, here.sight)) for key in chosen]
    starts = _starts(here, [(one, trigger) for one in builds], token)
    done = token if len(starts) == len(left) else None
    more = f"; {len(left) - len(starts)} more wait for a place among parallelism ({most})"
    said = [_told(here, one, Why.REQUESTED, f"request {token}") for one in starts]
    if not starts:
        waits = f"request {token}: {len(left)} partitions wait for a place among parallelism ({most})"
        said = [decide(asset, Verb.WAIT, Why.ALREADY_RUNNING, waits, here.now)]
    elif done is None:
        said[-1] = replace(said[-1], message=said[-1].message + more)
    return Planned(starts, tuple(said), handled_request=done)


def _wanted(here: Site) -> list[str]:
    """Give the partitions that a request means. Raises Rejected for what is none."""
    written = here.asset.requested_partitions
    if written is not None:
        return partition_ranges.read(written, list(here.cut.keys)[::-1])[::-1]
    stale = [key for key, verdict in here.cut.verdicts.items() if verdict.staleness in TO_BUILD]
    return here.cut.newest(stale, len(stale))


# ---------------------------------------------------------------- by itself


def _automatic(here: Site) -> Planned:
    asset, now = here.asset, here.now
    if asset.policy is AutoPolicy.NEVER:
        return _left_alone(here)
    refusal = on_hold(here.world, asset)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, *refusal, now),))
    blocked: list[Refusal] = []
    room = _room(here, asset.parallelism)
    chosen = list(islice(_startable(here, blocked), room))
    if chosen and (waits := held(here.world, asset, now)):
        return Planned(decisions=(decide(asset, Verb.WAIT, waits.why, waits.message, now),), wake=waits.until)
    if not chosen:
        return _none_chosen(here, blocked, room)
    starts = _starts(here, [(one, _eager(here, one.key)) for one in chosen])
    told = (_told(here, one, Why.STALE, builds_from(one.trigger.detail, one.inputs)) for one in starts)
    return Planned(starts, tuple(told))


def _eager(here: Site, key: str) -> Trigger:
    verdict = here.cut.verdicts[key]
    return Trigger(TriggerType.EAGER, (mendable(verdict) or verdict.reason).value)


def _left_alone(here: Site) -> Planned:
    stale = sum(one.staleness in TO_BUILD for one in here.cut.verdicts.values())
    if not stale:
        return Planned(decisions=(_fresh(here),))
    message = f"{stale} partitions are not fresh, but spec.autoMaterialize.policy is Never; request them, or set Eager"
    return Planned(decisions=(decide(here.asset, Verb.NO_RUN, Why.POLICY_NEVER, message, here.now),))


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


def _startable(here: Site, blocked: list[Refusal]) -> Iterator[Build]:
    """Give the partitions that may be built now; note why others may not."""
    cut, busy, failed = here.cut, here.busy, here.failed
    stale = [key for key in cut.verdicts if key not in cut.waiting]
    for key in cut.newest(stale, len(stale)):
        verdict = cut.verdicts[key]
        if key in busy or verdict.staleness not in TO_BUILD or mendable(verdict) is None:
            continue
        missing = cutting.lacking(here.node, key, here.sight)
        if missing:
            cut.waiting[key] = f"partition {key}: input {missing} has no data version yet"
            continue
        wanted = _wanted_build(here, key)
        why = _upstream(here, key) or _quarantined(here, key) or _failed(here, wanted, failed)
        if why:
            blocked.append(why)
        else:
            yield wanted


def _wanted_build(here: Site, key: str) -> Build:
    """Give the run that a partition wants by itself now."""
    inputs = cutting.inputs_of(here.node, key, here.sight)
    return Build(key, run_of(here.world, here.asset, inputs, here.slices.made.get(key), partition=key), inputs)


def _failed(here: Site, wanted: Build, failed: AbstractSet[str]) -> Refusal | None:
    known = here.slices.failures.get(wanted.key)
    if wanted.run not in failed and not (known and known.run == wanted.run):
        return None
    words = f"run {wanted.run} of these versions failed; nothing more until they change"
    return Why.RUN_FAILED, f"partition {wanted.key}: {words}"


def _upstream(here: Site, key: str) -> Refusal | None:
    """Give the input whose partitions, those that this one is built from, are being built first."""
    for above, edge in cutting.ends(here.node):
        if above.ref not in here.world.pending:
            continue
        if edge is None or any(_to_come(here, above, one) for one in _above(here, above, edge, key)):
            return Why.UPSTREAM_PENDING, f"partition {key}: input {above.ref.name} is being rebuilt first"
    return None


def _above(here: Site, above: Node, edge: mapping.Edge, key: str) -> Sequence[str]:
    return mapping.above(edge, key, here.now, cutting.known_versions(above, here.sight))


def _to_come(here: Site, above: Node, key: str) -> bool:
    """Say whether a partition of an input that is being rebuilt is one of those."""
    there = site(here.world, above.ref, here.now)
    if there is None or key in there.busy:
        return there is not None
    verdict = there.cut.verdicts.get(key)
    return verdict is not None and verdict.staleness in TO_BUILD and key not in there.slices.failures


def _quarantined(here: Site, key: str) -> Refusal | None:
    for above, verdict in zip(here.node.up, cutting.inputs(here.node, key, here.sight), strict=True):
        if verdict.bar:
            return Why.VERSION_QUARANTINED, f"partition {key}: the version of input {above.ref.name} is quarantined"
    return None


# ---------------------------------------------------------------- both


def _room(here: Site, most: int) -> int:
    """Give how many more may start. Where slots are limited, or runs paced, it is one after the other."""
    most = max(0, most - len(here.busy))
    return min(most, 1) if here.world.slots.are_limited or here.asset.min_interval else most


def _starts(here: Site, chosen: Sequence[tuple[Build, Trigger]], request: str | None = None) -> tuple[StartRun, ...]:
    asset, kind, home = here.asset, RunKind.MATERIALIZE, here.node.ref.namespace
    fenced = zip(count(next_fence(here.world, asset)), chosen, strict=False)
    return tuple(
        StartRun(Ref(home, one.run), asset, kind, fence, trigger, one.inputs, request, partition=one.key)
        for fence, (one, trigger) in fenced
    )


def _told(here: Site, start: StartRun, why: Why, message: str) -> Decision:
    words = f"partition {start.partition}: {message}"
    return decide(here.asset, Verb.RUN, why, words, here.now, start.ref.name)
