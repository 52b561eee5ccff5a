"""The clock on the wall and the moments that it shows, also where a zone changes its clocks.

A local time comes to one moment, to two where the clock is set back, or to none where it is set forward. Each of the
two readings of a clock that is set back (the first, the second) never runs backwards by itself; so whoever walks along
local times in order, and takes one reading, gets moments in order.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.schedule import Repeated, Skipped

_SECOND = timedelta(seconds=1)


class Dst(NamedTuple):
    """What becomes of a local time that happens twice, and of one that does not exist."""

    repeated: Repeated = Repeated.FIRST
    skipped: Skipped = Skipped.RUN_AFTER


DEFAULT = Dst()
"""Debian cron's: once, and never not at all."""


class Reading(NamedTuple):
    """One way to read a zone's clock: `fold` is 0 for the first of two equal times, 1 for the second."""

    zone: ZoneInfo
    fold: int
    skipped: Skipped


_FOLDS = {Repeated.FIRST: (0,), Repeated.SECOND: (1,), Repeated.BOTH: (0, 1)}


def zone(name: str, field: str = "spec.timeZone") -> ZoneInfo:
    """Give the time zone. Raises Stalled(InvalidSpec), naming the field, for a name that tzdata does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Stalled(
            Reason.INVALID_SPEC,
            f'{field}: "{name}" is not a time zone; use an IANA name such as Europe/Lisbon or UTC',
        ) from error


def readings(there: ZoneInfo, dst: Dst) -> list[Reading]:
    """Give the readings that together come to every moment wanted; one suffices where clocks are never changed."""
    unchanging = there.utcoffset(None) is not None
    return [Reading(there, fold, dst.skipped) for fold in ((0,) if unchanging else _FOLDS[dst.repeated])]


def moment(local: datetime, reading: Reading) -> datetime | None:
    """Give the moment, in UTC, of a local time without a zone; None if it does not exist and shall be skipped."""
    then = local.replace(tzinfo=reading.zone, fold=reading.fold).astimezone(UTC)
    if then.astimezone(reading.zone).replace(tzinfo=None) == local:
        return then
    return after_the_gap(local, reading.zone) if reading.skipped is Skipped.RUN_AFTER else None


def wall(now: datetime, there: ZoneInfo) -> tuple[datetime, datetime]:
    """Give local times that no reading shows after now, and before now: they differ in an hour that happens twice."""
    local = now.astimezone(there)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    bare = local.replace(tzinfo=None, fold=0)
    return bare - (second - first), bare + (second - first)


def after_the_gap(local: datetime, there: ZoneInfo) -> datetime:
    """Give the moment at which the clock was set forward: read with the offset of after, the time is before it."""
    late, early = (local.replace(tzinfo=there, fold=fold).astimezone(UTC) for fold in (0, 1))
    before = early.astimezone(there).utcoffset()
    seconds = range(int((late - early).total_seconds()))
    changed = bisect_left(
        seconds, True, key=lambda gone: (early + gone * _SECOND).astimezone(there).utcoffset() != before
    )
    return early + changed * _SECOND
