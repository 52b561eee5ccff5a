"""What status says of partitions: how many there are, and how many of each sort, with the names of some."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from upwell_operator.domain.causes import ROWS, Staleness
from upwell_operator.domain.cut import Cut
from upwell_operator.domain.deciding import TO_BUILD
from upwell_operator.domain.node import Node
from upwell_operator.domain.partitions import total
from upwell_operator.domain.snapshot import Asset, AssetState

Json = dict[str, Any]
NAMED = 20


def partition_counts(asset: Asset, node: Node, state: AssetState, now: datetime) -> Json | None:
    """Count the partitions of an asset that is cut; of what Upwell builds, by what was judged of them.

    A version of one that the definition has no longer counts as known until it is reported.
    """
    if asset.partitions is None:
        return None
    if node.cut is not None and state.slices is not None:
        late = {"late": len(node.cut.late)} if node.cut.due else {}
        return {**_judged(node.cut, state, len(state.slices.failures)), **late}
    whole = total(asset.partitions, now)
    whole = state.partitions if whole is None else whole
    late = {"late": len(node.lacking.keys)} if node.lacking else {}
    return {"total": whole, "known": state.partitions, "unknown": max(0, whole - state.partitions), **late}


def failures(state: AssetState) -> str | None:
    """Say which partitions failed and why the last one did, if any has."""
    found = state.slices.failures if state.slices else {}
    if not found:
        return None
    key, last = max(found.items(), key=lambda item: (item[1].time, item[0]))
    many = f"{len(found)} partitions" if len(found) > 1 else "one partition"
    return f"{many} failed, {key} the last: run {last.run}: {last.message}; see `upwell logs {last.run}`"


def _judged(cut: Cut, state: AssetState, failed: int) -> Json:
    count = dict.fromkeys(Staleness, 0)
    for reason, keys in cut.by_reason.items():
        count[ROWS[reason]] += len(keys)
    stale = [key for reason, keys in cut.by_reason.items() if ROWS[reason] in TO_BUILD for key in keys]
    return {
        "total": len(cut.keys),
        "known": state.partitions,
        "fresh": len(cut.keys) - len(cut.verdicts),
        "stale": count[Staleness.STALE],
        "missing": count[Staleness.MISSING],
        "unknown": count[Staleness.UNKNOWN],
        "failed": failed,
        "stalePartitions": cut.newest(stale, NAMED),
    }
