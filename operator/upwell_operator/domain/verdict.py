"""Verdicts: what one asset's causes come to, and what that means to those below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from upwell_operator.domain import causes as because
from upwell_operator.domain import quarantine
from upwell_operator.domain.causes import ROWS, Cause, Staleness
from upwell_operator.domain.node import Node
from upwell_operator.domain.quarantine import Barred
from upwell_operator.domain.snapshot import Asset, AssetId, AssetKind
from upwell_operator.domain.texts import SHORT, clipped
from upwell_operator.resources.meta import Reason

CAUSES = 10
"""Causes that a verdict keeps; the others are counted."""
STATUS_BYTES = 6 * 1024
"""What all causes together may take of an asset's status (16 KiB in all)."""
CAUSE_BYTES = 256
"""What the sentence of one cause may take there."""


_FRESH = {Staleness.FRESH: "True", Staleness.STALE: "False", Staleness.MISSING: "False", Staleness.UNKNOWN: "Unknown"}


class Verdict(NamedTuple):
    """How fresh an asset is, and why it is not. Equal verdicts make equal status; comparing them never goes deep."""

    data: AssetId
    """What it is about: the asset's namespace and key."""
    staleness: Staleness
    reason: Reason
    causes: tuple[Cause, ...]
    """All causes in the order of the table, then nearest root first; at most 10."""
    omitted: int
    """How many more there are."""
    version: str | None
    """The asset's current data version."""
    onward: Cause | None
    """The cause that this gives to those directly below, if it gives one."""
    expires_at: datetime | None
    """When `maximumLag` will turn it, or one more of its windows, if nothing happens before; None if it never will."""
    barred: tuple[Barred, ...] = ()
    """Its versions that may not be built from."""
    passed_over: tuple[str, ...] = ()
    """Inputs whose current version may not be built from: this asset stays with the ones that it has."""
    late: bool = False
    """Whether `maximumLag` is exceeded, whatever else is so and comes first."""

    @property
    def bar(self) -> Cause | None:
        """Give the cause for which the current version may not be built from, if it may not."""
        return next((one.cause for one in self.barred if one.version == self.version), None)

    @property
    def fresh(self) -> str:
        """Give the status of the condition Fresh."""
        return _FRESH[self.staleness]


_BY_ROW = attrgetter("order")
_new = tuple.__new__
"""What a NamedTuple's own constructor calls, in twice the time."""
_DERIVED, _FRESHEST, _UP_TO_DATE = AssetKind.DERIVED, Staleness.FRESH, Reason.UP_TO_DATE
_QUARANTINED = Reason.VERSION_QUARANTINED
"""Looking a member up in its enum takes as long as a function call; these are looked up for every asset."""


def judged(
    node: Node, found: list[Cause], version: str | None, expires_at: datetime | None, over: tuple[str, ...] = ()
) -> Verdict:
    """Give the verdict that these causes come to; none means fresh. `over` are the inputs that are passed over.

    What goes on to those below, whatever they were built from, is the first cause that is no quarantine.
    """
    barred = quarantine.listed(node.asset) if node.asset.quarantine else ()
    if not found:
        return _new(Verdict, (node.data, _FRESHEST, _UP_TO_DATE, (), 0, version, None, expires_at, barred, over, False))
    if len(found) > 1:
        found.sort(key=_BY_ROW)
    reason, omitted = found[0].reason, len(found) - CAUSES
    kept = tuple(found) if omitted <= 0 else tuple(found[:CAUSES])
    first: Cause | None = found[0]
    if reason is _QUARANTINED:
        barred += quarantine.inherited(node.ref, version, found[0])
        first = next((one for one in found if one.reason is not _QUARANTINED), None)
    if first is None:
        onward = None
    elif first.reason in _REPORTED and node.asset.kind is not _DERIVED:
        onward = _reported(node.asset, first.reason, version)
    else:
        onward = because.through(_ONWARD[first.reason], node.ref, first)
    return _new(
        Verdict,
        (node.data, ROWS[reason], reason, kept, max(0, omitted), version, onward, expires_at, barred, over, False),
    )


_ONWARD = {
    reason: Reason.UPSTREAM_UNKNOWN if staleness is Staleness.UNKNOWN else Reason.UPSTREAM_STALE
    for reason, staleness in ROWS.items()
}
"""What those below see in an asset that is not fresh."""

_REPORTED = {
    Reason.NEVER_OBSERVED: (Reason.UPSTREAM_UNOBSERVED, "has never been observed"),
    Reason.OBSERVATION_FAILED: (Reason.OBSERVATION_FAILED, "could not be observed the last time"),
    Reason.FRESHNESS_EXPIRED: (Reason.OBSERVATION_FAILED, "was not observed within its spec.freshness.maximumLag"),
}
"""What they see in one that others own: not a stale asset that can be rebuilt, but a thing not known."""


def _reported(asset: Asset, reason: Reason, version: str | None) -> Cause:
    seen, words = _REPORTED[reason if version is not None else Reason.NEVER_OBSERVED]
    return because.of_input(seen, asset.ref, f"{asset.kind.value} {asset.key} {words}")


def in_time(node: Node, verdict: Verdict) -> Cause | None:
    """Give what goes on to the partitions below that are built from none of the late windows of a source."""
    if node.lacking is None or verdict.reason is not Reason.FRESHNESS_EXPIRED or verdict.version is None:
        return verdict.onward
    failed = any(one.reason is Reason.OBSERVATION_FAILED for one in verdict.causes)
    return _reported(node.asset, Reason.OBSERVATION_FAILED, verdict.version) if failed else None


def message(verdict: Verdict) -> str:
    """Give the message of the condition Fresh: the first cause, and how many more there are; at most 1 KiB."""
    if not verdict.causes:
        over = f"; passed over, as quarantined: {', '.join(verdict.passed_over)}" if verdict.passed_over else ""
        return clipped(f"up to date at data version {(verdict.version or 'none')[:SHORT]}{over}")
    more = len(verdict.causes) - 1 + verdict.omitted
    text = because.sentence(verdict.causes[0], verdict.data.namespace)
    return clipped(f"{text} (and {more} more)" if more else text)


def causes_for_status(verdict: Verdict) -> list[dict[str, Any]]:
    """Give the causes as `status.staleCauses` has them: at most 10, and as many as fit into 6 KiB."""
    return _fitting([_shown(cause, verdict.data.namespace) for cause in verdict.causes])


def _shown(cause: Cause, home: str) -> dict[str, Any]:
    text = clipped(because.sentence(cause, home), CAUSE_BYTES)
    shown = {"reason": cause.reason.value, "asset": cause.asset.seen_from(home), "message": text}
    return {**shown, "path": because.path(cause, home)} if cause.depth else shown


def _fitting(shown: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep those that fit; the first always does."""
    room = STATUS_BYTES
    kept: list[dict[str, Any]] = []
    for one in shown:
        room -= sum(_size(part) for part in one.values())
        if kept and room < 0:
            break
        kept.append(one)
    return kept


_QUOTES = 16
"""Bytes that JSON adds to a value: quotes, comma, name."""


def _size(part: str | Iterable[str]) -> int:
    texts = [part] if isinstance(part, str) else part
    return sum(len(text.encode("utf-8", "replace")) + _QUOTES for text in texts)
