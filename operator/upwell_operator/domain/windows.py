"""Windows of time: the partitions of data that grows by the hour, the day or the month.

A window is counted on the clock on the wall: it begins at a tick of the cron line and ends at the next one. Where
clocks go back, the hour that comes twice belongs to one window; where they go forward, a window of which nothing is
left is none. A window is a partition once it is over, as in Dagster; `end_offset` moves that.

Ticks are found a year at a time and kept, so that counting the windows of ten years takes two searches.

Limits: windows of at least an hour, from the year 2000 on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import count, islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from upwell_operator.domain.clocks import Reading, after_the_gap, moment, zone
from upwell_operator.domain.ticks import SHORTHANDS
from upwell_operator.errors import Stalled
from upwell_operator.resources import partitions as model
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.schedule import Skipped

EARLIEST = datetime(2000, 1, 1)  # noqa: DTZ001 -- the clock on the wall, whatever the zone
SHORTEST = timedelta(hours=1)
FIELDS = 5
PARTS = ("%Y", "%m", "%d", "%H", "%M")
TRIED = 100
"""Windows that are looked at when a definition is read: their keys must differ, and tell where the window begins."""
RESOLUTION = timedelta(microseconds=1)
YEARS = 256
"""Years of ticks that are kept; one of hourly windows takes about a megabyte."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Windows of time; `start` and `end` are on the clock on the wall."""

    line: str
    start: datetime
    end: datetime | None
    zone: ZoneInfo
    format: str
    end_offset: int = 0


def accept(written: model.TimeWindow, where: str) -> TimeWindow:
    """Give the definition as decisions see it. Raises Stalled(InvalidSpec) naming field, value and remedy."""
    _check_format(written.format, where)
    parse = partial(_parsed, written.format, where)
    end = None if written.end is None else parse("end", written.end)
    place = zone(written.time_zone, f"{where}.timeZone")
    line = SHORTHANDS.get(written.cron.strip(), written.cron.strip())
    window = TimeWindow(line, parse("start", written.start), end, place, written.format, written.end_offset)
    _check(window, where)
    return window


def problem(window: TimeWindow, key: str, now: datetime) -> str | None:
    """Say why there is no window of this key now, or None if there is one."""
    tick = _read(window.format, key)
    if tick is None:
        return f'"{key}" is not written as the format says; an example is {window.start:{window.format}}'
    if tick < window.start or (window.end is not None and tick >= window.end):
        last = f" and before {_key(window, window.end)}" if window.end else ""
        return f'"{key}" is outside of the windows: they begin at {_key(window, window.start)} or later{last}'
    year = _year(window.line, window.zone, tick.year)
    if tick not in year[bisect_left(year, tick) :][:1]:
        return f'no window begins at "{key}": they begin at the ticks of "{window.line}"'
    if _place(window, tick) >= total(window, now):
        return f'the window "{key}" is not over yet; spec.partitions.timeWindow.endOffset: 1 takes the one going on too'
    return None


def total(window: TimeWindow, now: datetime) -> int:
    """Count the windows that are partitions now."""
    over = max(0, _begun(window, now) - 1 + window.end_offset)
    return over if window.end is None else min(over, _place(window, window.end))


def keys(window: TimeWindow, now: datetime) -> Iterator[str]:
    """Give the keys of the windows that are partitions now, the oldest first."""
    ticks = _ticks(window)
    ended = ticks if window.end is None else takewhile(partial(_earlier, than=window.end), ticks)
    return (_key(window, tick) for tick in islice(ended, total(window, now)))


def changes_at(window: TimeWindow, now: datetime) -> datetime:
    """Give when the next window is over, and so their number another one."""
    begun = max(_begun(window, now), 1)
    return _instant(next(islice(_ticks(window), begun, None)), window.zone)


def over_since(window: TimeWindow, then: datetime, now: datetime) -> Iterator[str]:
    """Give the keys of the windows that are partitions now and were not over at an earlier moment.

    With an `endOffset` below zero, a window counts as over once it is a partition.
    """
    over = _begun(window, then) - 1 + min(0, window.end_offset)
    return islice(keys(window, now), max(0, over), None)


def newest(window: TimeWindow, now: datetime) -> str | None:
    """Give the key of the last window that is a partition now, if there is one."""
    there = total(window, now)
    return _key(window, _tick(window, there - 1)) if there else None


def span(window: TimeWindow, key: str, first: int = 0, last: int = 0) -> tuple[datetime, datetime]:
    """Give when a window begins and ends; `first` and `last` move that by so many windows, whatever start and end."""
    place = _place(window, datetime.strptime(key, window.format))  # noqa: DTZ007 -- the clock on the wall
    return _begins(window, place + first), _begins(window, place + last + 1)


def within(window: TimeWindow, begin: datetime, end: datetime, now: datetime) -> list[str]:
    """Give the keys of the windows that are partitions now and have a part of this time; the oldest first."""
    first, behind = max(0, _reached(window, begin) - 1), min(_reached(window, end - RESOLUTION), total(window, now))
    return [_key(window, _tick(window, place)) for place in range(first, behind)]


def touching(
    window: TimeWindow, begin: datetime, end: datetime, now: datetime, first: int = 0, last: int = 0
) -> list[str]:
    """Give the keys of the windows whose `span`, moved by `first` and `last`, has a part of this time."""
    least, behind = _reached(window, begin) - 1 - last, _reached(window, end - RESOLUTION) - first
    places = range(max(0, least), min(behind, total(window, now)))
    return [_key(window, _tick(window, place)) for place in places]


def _earlier(tick: datetime, than: datetime) -> bool:
    return tick < than


# ---------------------------------------------------------------- reading a definition


def _check_format(form: str, where: str) -> None:
    """Refuse what `strptime` cannot read: the same part of a time twice."""
    twice = [part for part in PARTS if form.count(part) > 1]
    if twice:
        raise _invalid(f'{where}.format: "{form}" says {twice[0]} twice; leave one of them out')


def _parsed(form: str, where: str, field: str, text: str) -> datetime:
    found = _read(form, text)
    if found is None:
        raise _invalid(f'{where}.{field}: "{text}" is not written as the format says; an example is {EARLIEST:{form}}')
    if found < EARLIEST:
        raise _invalid(f'{where}.{field}: "{text}" is before the year {EARLIEST.year}; begin later')
    return found


def _check(window: TimeWindow, where: str) -> None:
    """Refuse what would give no key, or one key twice."""
    first = list(islice(_line(window.line, window.start, f"{where}.cron"), TRIED))
    if window.end is not None and first[0] >= window.end:
        raise _invalid(f"{where}.end: no window begins between start and end; the end must be later than the start")
    if any(after - before < SHORTEST for before, after in pairwise(first)):
        raise _invalid(f'{where}.cron: "{window.line}" makes windows shorter than an hour; cut the asset less finely')
    if any(_read(window.format, _key(window, tick)) != tick for tick in first):
        raise _invalid(f'{where}.format: "{window.format}" leaves out where a window begins; add %H or %M, say')


def _invalid(sentence: str) -> Stalled:
    return Stalled(Reason.INVALID_SPEC, sentence)


# ---------------------------------------------------------------- where windows begin


def _key(window: TimeWindow, tick: datetime) -> str:
    return tick.strftime(window.format)


def _read(form: str, text: str) -> datetime | None:
    """Read a key; only the one spelling that `strftime` gives is one."""
    try:
        tick = datetime.strptime(text, form)  # noqa: DTZ007 -- the clock on the wall, whatever the zone
    except ValueError:
        return None
    return tick if tick.strftime(form) == text else None


def _begun(window: TimeWindow, now: datetime) -> int:
    """Count the windows that have begun, whatever the end."""
    return max(0, _reached(window, now))


def _reached(window: TimeWindow, moment: datetime) -> int:
    """Count the ticks from the start to a moment, which counts itself; below zero, those that lie between."""
    there = moment.astimezone(window.zone)
    year = _year(window.line, window.zone, there.year)
    return _before(window, there.year) + bisect_right(year, moment, key=partial(_instant, place=window.zone))


def _place(window: TimeWindow, tick: datetime) -> int:
    """Count the windows that begin before a moment on the clock on the wall."""
    return _before(window, tick.year) + bisect_left(_year(window.line, window.zone, tick.year), tick)


def _before(window: TimeWindow, year: int) -> int:
    """Count the windows from the start to the beginning of a year; below zero, those that lie between."""
    own = window.start.year
    between = sum(len(_year(window.line, window.zone, one)) for one in range(min(own, year), max(own, year)))
    into = bisect_left(_year(window.line, window.zone, own), window.start)
    return (between if year >= own else -between) - into


def _begins(window: TimeWindow, place: int) -> datetime:
    return _instant(_tick(window, place), window.zone)


def _tick(window: TimeWindow, place: int) -> datetime:
    """Give where the window of a place begins: 0 is the first from the start on, and there are some before it."""
    year = window.start.year
    place += bisect_left(_year(window.line, window.zone, year), window.start)
    while place < 0:
        year -= 1
        place += len(_year(window.line, window.zone, year))
    while place >= (ticks := len(_year(window.line, window.zone, year))):
        place, year = place - ticks, year + 1
    return _year(window.line, window.zone, year)[place]


def _ticks(window: TimeWindow) -> Iterator[datetime]:
    """Give where windows begin, from the start on, whatever the end."""
    ticks = (tick for year in count(window.start.year) for tick in _year(window.line, window.zone, year))
    return (tick for tick in ticks if tick >= window.start)


@lru_cache(YEARS)
def _year(line: str, place: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Give the ticks of a year, without those of which the clock leaves nothing."""
    begin = datetime(year, 1, 1)  # noqa: DTZ001 -- the clock on the wall, whatever the zone
    found = takewhile(lambda tick: tick.year == year, _line(line, begin, "spec.partitions"))
    ticks = list(found)
    later = [*ticks[1:], begin.replace(year=year + 1)]
    return tuple(
        tick for tick, after in zip(ticks, later, strict=True) if _there(tick, place) or _lasts(tick, after, place)
    )


def _line(line: str, start: datetime, where: str) -> Iterator[datetime]:
    """Walk a cron line on the clock on the wall, from `start` on, which counts itself."""
    try:
        _count(line)
        return iter(CronSim(line, start - timedelta(minutes=1)))
    except CronSimError as error:
        raise _invalid(f'{where}: "{line}" is not a cron line ({error}); use @daily, or five fields') from error


def _count(line: str) -> None:
    if len(line.split()) != FIELDS:
        raise CronSimError("it needs five fields")


def _there(tick: datetime, place: ZoneInfo) -> bool:
    """Say whether the clock on the wall ever shows this time."""
    return _shown(tick, place) is not None


def _lasts(tick: datetime, after: datetime, place: ZoneInfo) -> bool:
    return _instant(tick, place) < _instant(after, place)


def _instant(tick: datetime, place: ZoneInfo) -> datetime:
    """Give the moment at which the clock on the wall first shows this time, or has jumped over it."""
    return _shown(tick, place) or after_the_gap(tick, place)


def _shown(tick: datetime, place: ZoneInfo) -> datetime | None:
    return moment(tick, Reading(place, 0, Skipped.SKIP))
