"""Which partitions of an asset are built next: those that a request names, or those that are stale; so many at once.

Each is built by a run of its own, with the same identity as that of an asset, and its key in it; so a backfill is
nothing that is kept anywhere: whoever looks again starts what has neither run nor result yet, however often the
operator died in between. The newest partitions come first.

Limits: a request is answered once every partition that it names has a run, a result or a failure of its own; without
names it means the partitions that are not fresh when it is looked at. `settle` and `minInterval` are the asset's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain import cut as cutting
from upwell_operator.domain import mapping, partition_ranges
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.cut import Cut, Sight
from upwell_operator.domain.deciding import TO_BUILD, decide, mendable, next_fence
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.identity import consumed_run, requested_run
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

Blocked = tuple[Why, str]


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
    refusal = _on_hold(here)
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
    chosen = [(key, names[key]) for key in left if key not in here.busy][: _room(here, most)]
    starts = _starts(here, chosen, trigger, token)
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
    refusal = _on_hold(here)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, *refusal, now),))
    blocked: list[Blocked] = []
    room = _room(here, asset.parallelism)
    chosen = [one for one, _ in zip(_startable(here, blocked), range(room), strict=False)] if room else []
    if chosen and (waits := held(here.world, asset, now)):
        return Planned(decisions=(decide(asset, Verb.WAIT, waits.why, waits.message, now),), wake=waits.until)
    if not chosen:
        return _none_chosen(here, blocked, room)
    starts = tuple(start for key, name in chosen for start in _starts(here, [(key, name)], _eager(here, key)))
    starts = tuple(replace(one, fence=one.fence + place) for place, one in enumerate(starts))
    return Planned(starts, tuple(_told(here, one, Why.STALE, _built_from(one)) for one in starts))


def _eager(here: Site, key: str) -> Trigger:
    verdict = here.cut.verdicts[key]
    return Trigger(TriggerType.EAGER, (mendable(verdict) or verdict.reason).value)


def _built_from(start: StartRun) -> str:
    seen = ", ".join(f"{one.key}={(one.data_version or 'none')[:12]}" for one in start.inputs)
    return f"{start.trigger.detail}: builds from {seen}"


def _left_alone(here: Site) -> Planned:
    stale = sum(one.staleness in TO_BUILD for one in here.cut.verdicts.values())
    if not stale:
        return Planned(decisions=(_fresh(here),))
    message = f"{stale} partitions are not fresh, but spec.autoMaterialize.policy is Never; request them, or set Eager"
    return Planned(decisions=(decide(here.asset, Verb.NO_RUN, Why.POLICY_NEVER, message, here.now),))


def _none_chosen(here: Site, blocked: Sequence[Blocked], room: int) -> Planned:
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


def _startable(here: Site, blocked: list[Blocked]) -> Iterator[tuple[str, str]]:
    """Give the partitions that may be built now, each with the name of its run; note why others may not."""
    cut = here.cut
    stale = [key for key in cut.verdicts if key not in cut.waiting]
    busy = here.busy
    for key in cut.newest(stale, len(stale)):
        verdict = cut.verdicts[key]
        if key in busy or verdict.staleness not in TO_BUILD or mendable(verdict) is None:
            continue
        missing = cutting.lacking(here.node, key, here.sight)
        if missing:
            cut.waiting[key] = f"partition {key}: input {missing} has no data version yet"
            continue
        why = _upstream(here, key) or _quarantined(here, key)
        name, _ = consumed(here, key)
        if why is None and name in _failed(here, key):
            why = (
                Why.RUN_FAILED,
                f"partition {key}: run {name} of these versions failed; nothing more until they change",
            )
        if why:
            blocked.append(why)
        else:
            yield key, name


def consumed(here: Site, key: str) -> tuple[str, tuple[InputVersion, ...]]:
    """Name the run that a partition wants by itself now, and what it would consume (see `wanted_run`)."""
    inputs = cutting.inputs_of(here.node, key, here.sight)
    made = here.slices.made.get(key)
    name = consumed_run(here.asset, inputs, (made.run or made.version) if made else "", partition=key)
    earlier = here.world.runs.get(Ref(here.node.ref.namespace, name))
    if earlier is not None and earlier.outcome is Outcome.MATERIALIZED:
        name = consumed_run(here.asset, inputs, name, partition=key)
    return name, inputs


def _failed(here: Site, key: str) -> set[str]:
    runs = here.world.runs.of(here.node.ref)
    failed = {run.ref.name for run in runs if run.partition == key and run.outcome is Outcome.FAILED}
    known = here.slices.failures.get(key)
    return failed | ({known.run} if known else set())


def _upstream(here: Site, key: str) -> Blocked | None:
    """Give the input whose partitions, those that this one is built from, are being built first."""
    edges = here.node.edges or (None,) * len(here.node.up)
    for above, edge in zip(here.node.up, edges, strict=True):
        if above.ref not in here.world.pending:
            continue
        if edge is None or any(_to_come(here, above, one) for one in _above(here, above, edge, key)):
            return Why.UPSTREAM_PENDING, f"partition {key}: input {above.ref.name} is being rebuilt first"
    return None


def _above(here: Site, above: Node, edge: mapping.Edge, key: str) -> Iterable[str]:
    known = (here.world.states.get(above.data, UNKNOWN_STATE).slices or cutting.NONE_KNOWN).versions
    return mapping.above(edge, key, here.now, known)


def _to_come(here: Site, above: Node, key: str) -> bool:
    """Say whether a partition of an input that is being rebuilt is one of those."""
    there = site(here.world, above.ref, here.now)
    if there is None or key in there.busy:
        return there is not None
    verdict = there.cut.verdicts.get(key)
    return verdict is not None and verdict.staleness in TO_BUILD and key not in there.slices.failures


def _quarantined(here: Site, key: str) -> Blocked | None:
    for above, verdict in zip(here.node.up, cutting.inputs(here.node, key, here.sight), strict=True):
        if verdict.bar:
            return Why.VERSION_QUARANTINED, f"partition {key}: the version of input {above.ref.name} is quarantined"
    return None


# ---------------------------------------------------------------- both


def _on_hold(here: Site) -> Blocked | None:
    if here.asset.suspended:
        return Why.SUSPENDED, "spec.suspend is true"
    if not here.world.store_reachable:
        return Why.STORE_UNAVAILABLE, "the store cannot be read, so what was consumed is not known for certain"
    return None


def _room(here: Site, most: int) -> int:
    """Give how many more may start. Where slots are limited, or runs paced, it is one after the other."""
    most = max(0, most - len(here.busy))
    return min(most, 1) if here.world.slots.are_limited or here.asset.min_interval else most


def _starts(
    here: Site, chosen: Iterable[tuple[str, str]], trigger: Trigger, request: str | None = None
) -> tuple[StartRun, ...]:
    first = next_fence(here.world, here.asset)
    home = here.node.ref.namespace
    return tuple(
        StartRun(
            Ref(home, name),
            here.asset,
            RunKind.MATERIALIZE,
            first + place,
            trigger,
            cutting.inputs_of(here.node, key, here.sight),
            request,
            partition=key,
        )
        for place, (key, name) in enumerate(chosen)
    )


def _told(here: Site, start: StartRun, why: Why, message: str) -> Decision:
    words = f"partition {start.partition}: {message}"
    return decide(here.asset, Verb.RUN, why, words, here.now, start.ref.name)
