"""One asset with its partitions for the length of a decision: which of them may be built now, and by which runs.

Each partition is built by a run of its own, with the same identity as that of an asset, and its key in it; so what is
going on is kept nowhere: whoever looks again starts what has neither run nor result yet, however often the operator
died in between. The newest partitions come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import NamedTuple

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain import cut as cutting
from upwell_operator.domain import mapping
from upwell_operator.domain.actions import StartRun
from upwell_operator.domain.cut import Cut, Sight
from upwell_operator.domain.deciding import TO_BUILD, Refusal, decide, mendable, next_fence, run_of
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.node import Node
from upwell_operator.domain.snapshot import (
    UNKNOWN_STATE,
    Asset,
    Failure,
    Materialization,
    Outcome,
    Ref,
    Slices,
    Trigger,
)
from upwell_operator.domain.world import World


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

    def room(self, most: int) -> int:
        """Give how many more may start. Where slots are limited, or runs paced, it is one after the other."""
        most = max(0, most - len(self.busy))
        return min(most, 1) if self.world.slots.are_limited or self.asset.min_interval else most

    def was_built_since(self, key: str, tick: datetime) -> bool:
        """Say whether the last run of a partition, also one that failed, began at a tick or later."""
        last = (self.slices.made.get(key), self.slices.failures.get(key))
        return any(self._began(one) >= tick for one in last if one is not None)

    def _began(self, last: Materialization | Failure) -> datetime:
        """Give when a run began; the time of its result, once its Job is gone."""
        run = self.world.runs.get(Ref(self.node.ref.namespace, last.run or ""))
        return (run and run.created_at) or last.time

    def has(self, key: str, run: str) -> bool:
        """Say whether a partition has a run of this name, or its result."""
        made, failed = self.slices.made.get(key), self.slices.failures.get(key)
        known = {made.run if made else None, failed.run if failed else None}
        return run in known or self.world.runs.get(Ref(self.node.ref.namespace, run)) is not None


def site(world: World, ref: Ref, now: datetime) -> Site | None:
    """Give an asset that is built by partition, once its partitions were judged."""
    node = world.graph.node(ref)
    return Site(world, node, node.cut, now) if node.cut is not None else None


def startable(here: Site, blocked: list[Refusal], tick: datetime | None = None) -> Iterator[Build]:
    """Give the partitions that may be built now, or at a tick: those not built since; note why others may not."""
    cut, busy, failed = here.cut, here.busy, here.failed
    stale = [key for key in cut.verdicts if key not in cut.waiting]
    for key in cut.newest(stale, len(stale)):
        verdict = cut.verdicts[key]
        if key in busy or verdict.staleness not in TO_BUILD or mendable(verdict) is None:
            continue
        if tick is not None and here.was_built_since(key, tick):
            continue
        missing = cutting.lacking(here.node, key, here.sight)
        if missing:
            cut.waiting[key] = f"partition {key}: input {missing} has no data version yet"
            continue
        wanted = _wanted_build(here, key, tick.isoformat() if tick else "")
        why = upstream_pending(here, key) or _quarantined(here, key) or _failed(here, wanted, failed)
        if why:
            blocked.append(why)
        else:
            yield wanted


def has_startable(here: Site, tick: datetime | None = None) -> bool:
    """Say whether a partition may be built now, or at a tick."""
    return next(startable(here, [], tick), None) is not None


def _wanted_build(here: Site, key: str, tick: str) -> Build:
    """Give the run that a partition wants by itself now."""
    inputs = cutting.inputs_of(here.node, key, here.sight)
    return Build(key, run_of(here.world, here.asset, inputs, here.slices.made.get(key), tick, key), inputs)


def _failed(here: Site, wanted: Build, failed: AbstractSet[str]) -> Refusal | None:
    known = here.slices.failures.get(wanted.key)
    if wanted.run not in failed and not (known and known.run == wanted.run):
        return None
    words = f"run {wanted.run} of these versions failed; nothing more until they change"
    return Why.RUN_FAILED, f"partition {wanted.key}: {words}"


def upstream_pending(here: Site, key: str) -> Refusal | None:
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


def start_runs(here: Site, chosen: Sequence[tuple[Build, Trigger]], request: str | None = None) -> tuple[StartRun, ...]:
    """Give the actions that start these runs, each with a fencing token of its own."""
    asset, kind, home = here.asset, RunKind.MATERIALIZE, here.node.ref.namespace
    fenced = zip(count(next_fence(here.world, asset)), chosen, strict=False)
    return tuple(
        StartRun(Ref(home, one.run), asset, kind, fence, trigger, one.inputs, request, partition=one.key)
        for fence, (one, trigger) in fenced
    )


def decided(here: Site, start: StartRun, why: Why, message: str) -> Decision:
    """Give the decision to start the run of a partition."""
    words = f"partition {start.partition}: {message}"
    return decide(here.asset, Verb.RUN, why, words, here.now, start.ref.name)
