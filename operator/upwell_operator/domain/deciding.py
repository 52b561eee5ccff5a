"""What all decisions about materializations share: their record, their fences, and what building an asset can mend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from upwell.protocol import InputVersion
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.identity import consumed_run
from upwell_operator.domain.snapshot import Asset, Materialization, Outcome, Ref
from upwell_operator.domain.staleness import Staleness, Verdict
from upwell_operator.domain.texts import SHORT
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind, Reason

OWN_REASONS = frozenset(
    {
        Reason.NEVER_MATERIALIZED,
        Reason.VERSION_QUARANTINED,
        Reason.DEPENDENCIES_CHANGED,
        Reason.CODE_CHANGED,
        Reason.UPSTREAM_DATA_CHANGED,
        Reason.FRESHNESS_EXPIRED,
    }
)
"""Reasons that building this asset mends: all but UpstreamStale, which is mended upstream, and what is not known."""


TO_BUILD = (Staleness.STALE, Staleness.MISSING)
"""Verdicts that building may mend."""


def decide(asset: Asset, verb: Verb, reason: str, message: str, now: datetime, run: str | None = None) -> Decision:
    """Give the record of a decision about an asset."""
    return Decision(Kind.ASSET, asset.ref, verb, reason, message, now, asset.id, run)


Refusal = tuple[Why, str]
"""Why something does not run now, and the words for it."""


def on_hold(world: World, asset: Asset) -> Refusal | None:
    """Give what holds any materialization of an asset back."""
    if asset.suspended:
        return Why.SUSPENDED, "spec.suspend is true"
    if not world.store_reachable:
        return Why.STORE_UNAVAILABLE, "the store cannot be read, so what was consumed is not known for certain"
    return None


def run_of(
    world: World,
    asset: Asset,
    inputs: Sequence[InputVersion],
    made: Materialization | None,
    tick: str = "",
    partition: str | None = None,
) -> str:
    """Name the run that is wanted for these versions now, in place of what was made.

    The name says which materialization it replaces, so that versions that come back (v1, v2, v1) or have only become
    too old are another run. It never depends on which Jobs still exist: pruning one must not free a failed run's name.
    Only if the Job of this name is over and recorded, and yet not current, was the state lost; then it is replaced.
    """
    name = consumed_run(asset, inputs, (made.run or made.version) if made else "", tick, partition)
    earlier = world.runs.get(Ref(asset.ref.namespace, name))
    if earlier is not None and earlier.outcome is Outcome.MATERIALIZED:
        return consumed_run(asset, inputs, name, tick, partition)
    return name


def builds_from(detail: str, inputs: Sequence[InputVersion]) -> str:
    """Give the words for a run that starts because of what its inputs are."""
    seen = ", ".join(f"{one.key}={(one.data_version or 'none')[:SHORT]}" for one in inputs)
    return f"{detail}: builds from {seen}"


def next_fence(world: World, asset: Asset) -> int:
    """Give the fencing token of a new run: larger than that of any run or result known of the asset."""
    return max([world.state(asset).fence, *(run.fence for run in world.runs.of(asset.ref))]) + 1


def mendable(verdict: Verdict) -> Reason | None:
    """Give the first reason that building this asset would mend.

    That its own version is quarantined is none: the same inputs make the same version, again and again.
    """
    own = Reason.VERSION_QUARANTINED
    found = (one.reason for one in verdict.causes if one.reason is not own or one.depth)
    return next((reason for reason in found if reason in OWN_REASONS), None)
