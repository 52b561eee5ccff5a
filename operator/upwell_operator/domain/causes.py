"""Causes: why an asset is not fresh, and along which path that came about.

A cause that comes from further up points to the cause of the asset in between (`via`), so that ten thousand assets in
a row share one chain and nothing is copied. Comparing causes never follows the chain: `digest` stands for reason and
asset of every cause on it. It leaves the texts out on purpose: who is stale because of something stale stays as it is
when the versions at the root change once more, and no status is written for it.

Not frozen, though nobody changes them: a change at a root makes 10,000, and freezing makes each six times dearer.

Limits: `via` may therefore tell of versions that are not the newest ones; only reasons and assets are taken from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from upwell_operator.domain.snapshot import Ref
from upwell_operator.domain.texts import PATH_NAMES, abridged, arrows
from upwell_operator.resources.meta import Reason


class Staleness(StrEnum):
    """The verdict in one word."""

    FRESH = "Fresh"
    STALE = "Stale"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


ROWS: dict[Reason, Staleness] = {
    # What is wrong with the asset's place in the graph: nothing else can be said.
    Reason.KEY_CONFLICT: Staleness.UNKNOWN,
    Reason.DEPENDENCY_CYCLE: Staleness.UNKNOWN,
    Reason.DEPENDENCY_NOT_FOUND: Staleness.UNKNOWN,
    Reason.DEPENDENCY_NOT_EXPORTED: Staleness.UNKNOWN,
    Reason.PARTITIONS_DO_NOT_FIT: Staleness.UNKNOWN,
    # The design's table, row by row.
    Reason.NEVER_MATERIALIZED: Staleness.MISSING,
    Reason.VERSION_QUARANTINED: Staleness.STALE,
    Reason.DEPENDENCIES_CHANGED: Staleness.STALE,
    Reason.CODE_CHANGED: Staleness.STALE,
    Reason.UPSTREAM_DATA_CHANGED: Staleness.STALE,
    Reason.UPSTREAM_STALE: Staleness.STALE,
    Reason.FRESHNESS_EXPIRED: Staleness.STALE,
    Reason.UPSTREAM_UNOBSERVED: Staleness.UNKNOWN,
    Reason.OBSERVATION_FAILED: Staleness.UNKNOWN,
    Reason.UPSTREAM_UNKNOWN: Staleness.UNKNOWN,
    Reason.PARTITIONS_UNKNOWN: Staleness.UNKNOWN,
    # A source's own.
    Reason.NEVER_OBSERVED: Staleness.UNKNOWN,
}
"""What each reason comes to; of several, the first in this order decides."""

_DEPTH = (1 << 32) - 1
_RANK = {reason: rank << 32 for rank, reason in enumerate(ROWS)}


@dataclass(slots=True)
class Cause:
    """One reason not to be fresh."""

    reason: Reason
    asset: Ref
    """Which asset it is about: an input, or the asset itself."""
    text: str
    """The sentence for a person; empty where the path makes it."""
    order: int
    """Causes are listed by this: the row of the table, then how far away the root is."""
    digest: int
    via: Cause | None = field(default=None, compare=False, repr=False)
    root: Cause | None = field(default=None, compare=False, repr=False)
    """The end of the chain; None if it is this cause."""

    @property
    def depth(self) -> int:
        """Give how far away the root is, in assets: 0 for a fact of the asset itself."""
        return self.order & _DEPTH


def own(reason: Reason, asset: Ref, text: str) -> Cause:
    """Make a cause that lies in the asset itself."""
    return Cause(reason, asset, text, _RANK[reason], hash((reason, asset)))


def of_input(reason: Reason, upstream: Ref, text: str) -> Cause:
    """Make a cause that lies in a direct input."""
    return Cause(reason, upstream, text, _RANK[reason] + 1, hash((reason, upstream)))


def worded(cause: Cause, text: str) -> Cause:
    """Give a cause of the asset itself in other words, which count: with others, it is another cause."""
    return Cause(cause.reason, cause.asset, text, cause.order, hash((cause.digest, text)), cause.via, cause.root)


def barred(upstream: Ref, text: str) -> Cause:
    """Make the cause of having been built from a quarantined version of a direct input.

    Its text counts: why something is quarantined is told again to all who were built from it.
    """
    reason = Reason.VERSION_QUARANTINED
    return Cause(reason, upstream, text, _RANK[reason] + 1, hash((reason, upstream, text)))


def through(reason: Reason, upstream: Ref, via: Cause) -> Cause:
    """Make a cause that lies further up: `via` is the first cause of a direct input."""
    order = _RANK[reason] + (via.order & _DEPTH) + 1
    return Cause(reason, upstream, "", order, hash((reason, upstream, via.digest)), via, via.root or via)


_NEAR = PATH_NAMES - 1
"""Steps that are walked: beyond them only the root is shown."""


def path(cause: Cause, home: str) -> list[str]:
    """Give the names from the nearest input to the root, as spec.deps would write them, its middle left out if long."""
    near, link = list[str](), cause
    for _ in range(min(cause.depth, _NEAR)):
        near.append(link.asset.seen_from(home))
        link = link.via or link
    root = (cause.root or cause).asset.seen_from(home)
    return abridged(cause.depth, lambda step: near[step] if step < len(near) else root)


def sentence(cause: Cause, home: str) -> str:
    """Say a cause to a person."""
    if cause.reason is Reason.VERSION_QUARANTINED and cause.depth:
        way = f"{arrows(path(cause, home))}, " if cause.root else ""
        return f"built from quarantined data: {way}{(cause.root or cause).text}"
    if cause.text or cause.via is None or cause.root is None:
        return cause.text
    way = f"{arrows(path(cause, home))} ({cause.root.reason.value})"
    if cause.reason is Reason.UPSTREAM_UNKNOWN:
        return f"it is not known whether upstream is fresh: {way}"
    return f"upstream is {'missing' if cause.via.reason is Reason.NEVER_MATERIALIZED else 'stale'}: {way}"
