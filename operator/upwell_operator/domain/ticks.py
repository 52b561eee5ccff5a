"""Cron lines: which tick is due, and when the next one is. Several lines make one row of ticks, each of them once.

`cronsim` reads the lines and applies Debian cron's rules at a change of the clocks: a fixed local time that does not
exist runs right after the gap, one that happens twice runs once. The wanted tick is found by looking back once from
`now`; what was missed is counted up to a bound, never enumerated without one (kubernetes#42649).

Limits: five fields or a shorthand; ticks are whole minutes; no tick looks further ahead than cronsim does (50 years).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import dropwhile, groupby, islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Reason

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = 5
"""Seconds, the sixth that cronsim would take, are not built yet."""
Lines = Sequence[str]
_MINUTE = timedelta(minutes=1)
_CHANGE = timedelta(hours=3)
"""Longer than any zone's change of its clocks."""
COUNTED_AT_MOST = 100
"""Missed ticks beyond this many are not counted one by one; the CronJob controller draws the same line."""


@dataclass(frozen=True, slots=True)
class Due:
    """The newest tick that is due, and how many older ones were missed before it (at most COUNTED_AT_MOST)."""

    tick: datetime
    missed: int


def zone(name: str) -> ZoneInfo:
    """Give the time zone. Raises Stalled(InvalidSpec) for a name that the tzdata package does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Stalled(
            Reason.INVALID_SPEC,
            f'spec.timeZone: "{name}" is not a time zone; use an IANA name such as Europe/Lisbon or UTC',
        ) from error


def check(lines: Lines, time_zone: str) -> None:
    """Refuse lines or a zone that cannot be read. Raises Stalled(InvalidSpec) naming field, value and remedy."""
    for line in lines:
        _walk(line, datetime(2026, 1, 1, tzinfo=zone(time_zone)), reverse=False)


def due(lines: Lines, time_zone: str, since: datetime, now: datetime) -> Due | None:
    """Give the newest tick in (since, now], with the number of older ones in that interval; None if there is none."""
    there = now.astimezone(zone(time_zone))
    back = (tick for tick, _ in groupby(merge(*(_before(line, there) for line in lines), reverse=True)))
    tick = next(back, None)
    if tick is None or tick <= since:
        return None
    missed = sum(1 for _ in takewhile(lambda older: older > since, islice(back, COUNTED_AT_MOST)))
    return Due(tick, missed)


def following(lines: Lines, time_zone: str, now: datetime) -> datetime | None:
    """Give the first tick after now, in UTC; None if no line ever fires again."""
    there = now.astimezone(zone(time_zone))
    ahead = (dropwhile(lambda tick: tick <= now, _walk(line, there, reverse=False)) for line in lines)
    return min((tick for ticks in ahead if (tick := next(ticks, None))), default=None)


def _before(line: str, now: datetime) -> Iterator[datetime]:
    """Walk back from now, which counts itself.

    Around a change of the clocks the walk starts later: in the second 02:10 of a night, the 02:30 that fired in the
    first is earlier, although the clock on the wall says otherwise.
    """
    changing = (now - _CHANGE).utcoffset() != (now + _CHANGE).utcoffset()
    start = (now.astimezone(UTC) + (_CHANGE if changing else _MINUTE)).astimezone(now.tzinfo)
    return dropwhile(lambda tick: tick > now, _walk(line, start, reverse=True))


def _walk(line: str, start: datetime, *, reverse: bool) -> Iterator[datetime]:
    """Give ticks in UTC: two local times of one zone would be compared by the clock on the wall, not by time."""
    text = SHORTHANDS.get(line.strip(), line.strip())
    try:
        _count(text)
        return (tick.astimezone(UTC) for tick in CronSim(text, start, reverse=reverse))
    except CronSimError as error:
        raise Stalled(
            Reason.INVALID_SPEC,
            f'spec.schedule: "{line}" is not a cron line ({error}); use five fields such as "0 6 * * *", or @daily',
        ) from error


def _count(text: str) -> None:
    if len(text.split()) != FIELDS:
        raise CronSimError("it needs five fields")
