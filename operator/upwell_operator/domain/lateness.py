"""Lateness: whether data is there as soon as `freshness.maximumLag` asks for it.

Of an asset that is one piece, the lag counts from the last success of whoever makes it. Of one that is cut by windows
of time it counts for each window, from the moment at which the window is over: a window's data must be there by then,
and once it is, it never becomes late again. That is what Dagster asks of the newest window; here it is asked of all.

A moment at which something becomes late is known beforehand and waited for, never polled.

Limits: windows beside dynamic keys count only as far as those keys are known, of what others own not at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from upwell_operator.domain import causes as because
from upwell_operator.domain import partitions, windows
from upwell_operator.domain.causes import Cause
from upwell_operator.domain.conditions import timestamp
from upwell_operator.domain.derived import VERB
from upwell_operator.domain.partitions import Dimension, Partitions
from upwell_operator.domain.snapshot import Asset, AssetKind, AssetState, Slices
from upwell_operator.domain.windows import TimeWindow
from upwell_operator.resources import duration
from upwell_operator.resources.meta import Reason


@dataclass(frozen=True, slots=True)
class Due:
    """Which partitions' data must be there by now: all but those that are `young` in one of their dimensions."""

    definition: Partitions
    lag: timedelta
    young: tuple[frozenset[str], ...]
    """Of each dimension, the windows that were over less than the lag ago."""
    until: datetime
    """When another window's data must be there."""

    def __contains__(self, key: str) -> bool:
        parts = partitions.parts(self.definition, key)
        return not any(part in young for part, young in zip(parts, self.young, strict=True))

    def is_late(self, key: str, made: datetime | None) -> bool:
        """Say whether a partition's data should be there and is not, if it was made at this moment, or never."""
        return key in self and (made is None or self._made_before_the_end(key, made))

    def _made_before_the_end(self, key: str, made: datetime) -> bool:
        """Say whether data was made of a window that went on: only a definition with an `endOffset` has such."""
        both = zip(partitions.dimensions(self.definition), partitions.parts(self.definition, key), strict=True)
        return any(
            made < windows.span(one, part)[1]
            for one, part in both
            if isinstance(one, TimeWindow) and one.end_offset > 0
        )


@dataclass(slots=True)
class Lacking:
    """The windows of a source whose data should be there and is not, in the order of the definition."""

    due: Due
    keys: dict[str, None]


def by_window(asset: Asset) -> bool:
    """Say whether `maximumLag` counts for each window of an asset."""
    if asset.maximum_lag is None or asset.partitions is None:
        return False
    return any(isinstance(one, TimeWindow) for one in partitions.dimensions(asset.partitions))


def due(asset: Asset, now: datetime) -> Due | None:
    """Give which partitions' data must be there by now; None if the lag does not count for each."""
    if asset.maximum_lag is None or asset.partitions is None or not by_window(asset):
        return None
    then = now - asset.maximum_lag
    sides = partitions.dimensions(asset.partitions)
    changes = [windows.changes_at(one, then) for one in sides if isinstance(one, TimeWindow)]
    young = tuple(_young(one, then, now) for one in sides)
    return Due(asset.partitions, asset.maximum_lag, young, min(changes) + asset.maximum_lag)


def overdue(asset: Asset, lag: timedelta, state: AssetState, now: datetime) -> tuple[list[Cause], datetime | None]:
    """Say whether an asset is too old as one piece, or else when it will be. Row 6, and "young enough" of a source.

    At the deadline itself it is, so that whoever wakes up at `expires_at` finds it so.
    """
    seen = _last_seen(asset, state)
    if seen is None:
        return [], None
    if now < seen + lag:
        return [], seen + lag
    allowed = f"spec.freshness.maximumLag allows {duration.write(lag)}"
    text = f"last {VERB[asset.kind]} at {timestamp(seen)}; {allowed}"
    return [because.own(Reason.FRESHNESS_EXPIRED, asset.ref, text)], None


def lacking(known: Lacking | None, asset: Asset, slices: Slices, now: datetime) -> Lacking | None:
    """Bring the late windows of what others own up to date, from what was known of them; None if none is asked for.

    Ten that changed are looked at, and not all, unless another window's data must be there by now.
    """
    same = known and (known.due.definition, known.due.lag) == (asset.partitions, asset.maximum_lag)
    if known and same and slices.changed is not None and now < known.due.until:
        for key in slices.changed & slices.versions.keys():
            known.keys.pop(key, None)
        return known
    found = due(asset, now)
    if found is None:
        return None
    keys = partitions.keys(found.definition, now)
    return Lacking(found, {key: None for key in keys if key not in slices.versions and key in found})


def of_source(asset: Asset, known: Lacking, now: datetime) -> list[Cause]:
    """Give the cause that the late windows of what others own make, if there are any."""
    if not known.keys:
        return []
    total = partitions.total(known.due.definition, now) or len(known.keys)
    return [cause(asset, known.due, known.keys, next(reversed(known.keys)), total)]


def cause(asset: Asset, found: Due, late: Collection[str], newest: str, total: int) -> Cause:
    """Give the cause that late partitions make together: how many, and the newest of them."""
    few, end = f"partition {newest} was", "its window"
    if len(late) > 1:
        few, end = f"{len(late)} of {total} partitions, such as {newest}, were", "their windows"
    allowed = f"spec.freshness.maximumLag allows {duration.write(found.lag)} after the end of {end}"
    text = f"{few} not {VERB[asset.kind]} in time; {allowed}"
    return because.worded(because.own(Reason.FRESHNESS_EXPIRED, asset.ref, text), text)


def _young(dimension: Dimension, then: datetime, now: datetime) -> frozenset[str]:
    if not isinstance(dimension, TimeWindow):
        return frozenset()
    return frozenset(windows.over_since(dimension, then, now))


def _last_seen(asset: Asset, state: AssetState) -> datetime | None:
    """Give the moment from which `maximumLag` counts: the last success of whoever makes this asset's data."""
    made, seen = state.materialization, state.observation
    times = [made.time] if made else []
    if seen and asset.kind is not AssetKind.DERIVED:
        times.append(seen.time)
    return max(times, default=None)
