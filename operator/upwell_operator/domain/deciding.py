"""What all decisions about materializations share: their record, their fences, and what building an asset can mend."""

from __future__ import annotations

from datetime import datetime

from upwell_operator.domain.decisions import Decision, Verb
from upwell_operator.domain.snapshot import Asset
from upwell_operator.domain.staleness import Staleness, Verdict
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
