"""Cron lines: which tick is due, and when the next one is. Several lines make one row of ticks, each of them once.

`cronsim` reads the lines and walks along local times; `clocks` says which moments those are. A line at fixed times,
such as `30 2 * * *`, follows `spec.dst` where the clocks are changed. One whose minute or hour begins with a star is
an interval: it keeps its pace, so it fires in both of two equal hours, and has nothing to make up for after a gap.
Where to draw that line is Debian cron's rule.

The wanted tick is found by looking back from `now`; what was missed is counted up to a bound, never enumerated without
one (kubernetes#42649).

Limits: five fields, six with the seconds before them, or a shorthand; ticks are whole seconds; no tick looks further
ahead than cronsim does (50 years).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import dropwhile, groupby, islice, takewhile

from cronsim import CronSim, CronSimError

from upwell_operator.domain.clocks import DEFAULT, Dst, Reading, moment, readings, wall, zone
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.schedule import Repeated, Skipped

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = (5, 6)
"""Of six, the first is the second: as cronsim, Quartz and Go's cron libraries write it."""
Lines = Sequence[str]
AS_IT_COMES = Dst(Repeated.BOTH, Skipped.SKIP)
"""An interval goes by the time that passes, whatever the clock on the wall shows."""
COUNTED_AT_MOST = 100
"""Missed ticks beyond this many are not counted one by one; the CronJob controller draws the same line."""
_SECOND = timedelta(seconds=1)
_SOME_DAY = datetime(2026, 1, 1)  # noqa: DTZ001  # a local time


@dataclass(frozen=True, slots=True)
class Due:
    """The tick to answer next, and how many others are due: older ones, at most COUNTED_AT_MOST, and newer ones."""

    tick: datetime
    older: int = 0
    newer: int = 0


def check(lines: Lines, time_zone: str) -> None:
    """Refuse lines or a zone that cannot be read, or never fire. Raises Stalled(InvalidSpec) with value and remedy."""
    zone(time_zone)
    for line in lines:
        if next(_read(line, _SOME_DAY), None) is None:
            raise _never(line)


def due(
    lines: Lines, time_zone: str, since: datetime, now: datetime, *, dst: Dst = DEFAULT, most: int = 1
) -> Due | None:
    """Give the oldest of the newest ticks in (since, now], `most` of them; None if there is none at all."""
    back = takewhile(lambda tick: tick > since, row(lines, time_zone, now, reverse=True, dst=dst))
    wanted = list(islice(back, most))
    return Due(wanted[-1], sum(1 for _ in islice(back, COUNTED_AT_MOST)), len(wanted) - 1) if wanted else None


def following(lines: Lines, time_zone: str, now: datetime, *, dst: Dst = DEFAULT) -> datetime | None:
    """Give the first tick after now, in UTC; None if no line ever fires again."""
    return next(row(lines, time_zone, now, dst=dst), None)


def row(
    lines: Lines, time_zone: str, now: datetime, *, reverse: bool = False, dst: Dst = DEFAULT
) -> Iterator[datetime]:
    """Give the ticks after now in UTC, one by one; in reverse those up to now, which counts itself."""
    there = zone(time_zone)
    walks = [
        _walk(line, reading, now, reverse=reverse)
        for line in lines
        for reading in readings(there, AS_IT_COMES if _is_interval(line) else dst)
    ]
    return (tick for tick, _ in groupby(merge(*walks, reverse=reverse)))


def _walk(line: str, reading: Reading, now: datetime, *, reverse: bool) -> Iterator[datetime]:
    earliest, latest = wall(now, reading.zone)
    local = _read(line, latest + _SECOND, reverse=True) if reverse else _read(line, earliest)
    ticks = (tick for one in local if (tick := moment(one, reading)))
    return dropwhile(lambda tick: tick > now if reverse else tick <= now, ticks)


def _read(line: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """Give the local times of a line after the start, or before it. Raises Stalled."""
    try:
        _count(line)
        return CronSim(_plain(line), start, reverse=reverse)
    except CronSimError as error:
        if "day-of-month" in str(error) and _fits_some_month(line):
            raise _never(line) from error
        raise Stalled(
            Reason.INVALID_SPEC,
            f'spec.schedule: "{line}" is not a cron line ({error}); use five fields such as "0 6 * * *", or @daily',
        ) from error


def _plain(line: str) -> str:
    return SHORTHANDS.get(line.strip(), line.strip())


def _is_interval(line: str) -> bool:
    return any(field.startswith("*") for field in _plain(line).split()[-5:-3])


def _count(line: str) -> None:
    if len(_plain(line).split()) not in FIELDS:
        raise CronSimError("it needs five fields, or six with the seconds before them")


def _fits_some_month(line: str) -> bool:
    *fields, _, weekday = line.split()
    try:
        CronSim(" ".join((*fields, "*", weekday)), _SOME_DAY)
    except CronSimError:
        return False
    return True


def _never(line: str) -> Stalled:
    return Stalled(
        Reason.INVALID_SPEC, f'spec.schedule: "{line}" never fires: no such day exists; mend day, month or weekday'
    )
