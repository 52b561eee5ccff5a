"""Every change of the clocks of thirty zones in five years, against a table of what the clock on the wall showed.

The oracle knows no cron library and no rule for gaps: it writes down the local time of every minute around a change,
and looks up which minutes showed the time that is wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, product, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from upwell_operator.domain.clocks import Dst
from upwell_operator.domain.ticks import due, following, row
from upwell_operator.resources.schedule import Repeated, Skipped

NAMES = {
    "Africa": "Cairo Casablanca",
    "America": "Asuncion Havana Mazatlan Mexico_City New_York Nuuk Santiago Scoresbysund St_Johns",
    "Antarctica": "Troll",
    "Asia": "Almaty Amman Beirut Gaza Jerusalem Kathmandu Tehran Tokyo",
    "Atlantic": "Azores",
    "Australia": "Adelaide Lord_Howe",
    "Europe": "Chisinau Dublin Lisbon",
    "Pacific": "Apia Chatham Easter",
    "UTC": "",
}
ZONES = [f"{area}/{city}".rstrip("/") for area, cities in NAMES.items() for city in cities.split(" ")]
BEGIN, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, AROUND = timedelta(minutes=1), timedelta(hours=1), timedelta(hours=3)


class Line(NamedTuple):
    text: str
    minutes: range | tuple[int, ...]
    hours: range | tuple[int, ...]

    def matches(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours


FIXED = [
    Line("30 2 * * *", (30,), (2,)),
    Line("0 0 * * *", (0,), (0,)),
    Line("15,45 0-3 * * *", (15, 45), range(4)),
    Line("0,20,59 0-23 * * *", (0, 20, 59), range(24)),
]
INTERVALS = [
    Line("*/10 * * * *", range(0, 60, 10), range(24)),
    Line("30 * * * *", (30,), range(24)),
    Line("5 */2 * * *", (5,), range(0, 24, 2)),
    Line("*/15 1-2 * * *", range(0, 60, 15), (1, 2)),
]
RULES = [Dst(*rule) for rule in product(Repeated, Skipped)]
CHOSEN: dict[Repeated, Callable[[list[datetime]], list[datetime]]] = {
    Repeated.FIRST: lambda moments: moments[:1],
    Repeated.SECOND: lambda moments: moments[-1:],
    Repeated.BOTH: lambda moments: moments,
}


@cache
def changes(name: str) -> list[datetime]:
    zone, hours = ZoneInfo(name), int((END - BEGIN) / HOUR)
    offsets = [(BEGIN + n * HOUR, (BEGIN + n * HOUR).astimezone(zone).utcoffset()) for n in range(hours)]
    return [now for (_, before), (now, after) in pairwise(offsets) if before != after]


class Window:
    """What the clock showed, minute for minute, around one change."""

    def __init__(self, name: str, change: datetime) -> None:
        self.start, self.end, zone = change - AROUND, change + AROUND, ZoneInfo(name)
        self.shown: defaultdict[datetime, list[datetime]] = defaultdict(list)
        for n in range(int(4 * AROUND / MINUTE)):
            moment = self.start - AROUND + n * MINUTE
            self.shown[moment.astimezone(zone).replace(tzinfo=None, fold=0)].append(moment)
        first, last = min(self.shown), max(self.shown)
        self.walls = [first + n * MINUTE for n in range(int((last - first) / MINUTE) + 1)]

    def ticks(self, line: Line, dst: Dst | None) -> list[datetime]:
        found = {tick for wall in self._times(line) for tick in self._moments(wall, dst)}
        return sorted(tick for tick in found if self.start < tick <= self.end)

    @cache  # noqa: B019  # a handful of windows
    def _times(self, line: Line) -> list[datetime]:
        return [wall for wall in self.walls if line.matches(wall)]

    def _moments(self, wall: datetime, dst: Dst | None) -> list[datetime]:
        moments = self.shown.get(wall, [])
        if dst is None:
            return moments
        if moments:
            return CHOSEN[dst.repeated](moments)
        return [self.after(wall)] if dst.skipped is Skipped.RUN_AFTER else []

    @cache  # noqa: B019  # a handful of windows
    def after(self, wall: datetime) -> datetime:
        return min(moments[0] for shown, moments in self.shown.items() if shown > wall)


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_the_clocks(zone: str) -> None:
    for change in changes(zone):
        window = Window(zone, change)
        wanted = [(line, dst, window.ticks(line, dst)) for line in FIXED for dst in RULES]
        wanted += [(line, dst, window.ticks(line, None)) for line in INTERVALS for dst in (RULES[0], RULES[-1])]
        for line, dst, expected in wanted:
            forward = row([line.text], zone, window.start, dst=dst)
            assert list(takewhile(lambda tick: tick <= window.end, forward)) == expected, (line.text, dst, change)  # noqa: B023
            back = row([line.text], zone, window.end, reverse=True, dst=dst)
            assert list(takewhile(lambda tick: tick > window.start, back)) == expected[::-1], (line.text, dst, change)  # noqa: B023


def test_the_zones_change_their_clocks_in_every_way() -> None:
    steps = {
        change.astimezone(ZoneInfo(zone)).utcoffset() - (change - HOUR).astimezone(ZoneInfo(zone)).utcoffset()  # type: ignore[operator]
        for zone in ZONES
        for change in changes(zone)
    }
    assert len(set(ZONES)) == 30
    assert sum(len(changes(zone)) for zone in ZONES) > 200
    assert {step / HOUR for step in steps} == {-2, -1, -0.5, 0.5, 1, 2}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("line", ["30 2 * * *", "0 0 * * SUN", "59 23 L * *"])
def test_five_years_by_default_are_those_of_cronsim(zone: str, line: str) -> None:
    theirs = (tick.astimezone(UTC) for tick in CronSim(line, BEGIN.astimezone(ZoneInfo(zone))))
    expected = list(takewhile(lambda tick: tick <= END, theirs))
    assert list(takewhile(lambda tick: tick <= END, row([line], zone, BEGIN))) == expected
    assert len(expected) > 50


BERLIN_BACK = {  # 02:00 to 03:00 happens twice: from 00:00 and from 01:00 UTC
    Repeated.FIRST: ["00:30"],
    Repeated.SECOND: ["01:30"],
    Repeated.BOTH: ["00:30", "01:30"],
}


@pytest.mark.parametrize(("repeated", "times"), BERLIN_BACK.items())
def test_a_time_that_happens_twice(repeated: Repeated, times: list[str]) -> None:
    midnight, noon = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)
    night = row(["30 2 * * *"], "Europe/Berlin", midnight, dst=Dst(repeated))
    assert [f"{tick:%H:%M}" for tick in takewhile(lambda tick: tick < noon, night)] == times
    found = due(["30 2 * * *"], "Europe/Berlin", midnight, noon, dst=Dst(repeated))
    assert found is not None
    assert (f"{found.tick:%H:%M}", found.older) == (times[-1], len(times) - 1)


def test_a_time_that_does_not_exist_can_be_left_out() -> None:
    noon = datetime(2026, 3, 28, 12, tzinfo=UTC)
    night = following(["30 2 * * *"], "Europe/Berlin", noon)
    assert night == datetime(2026, 3, 29, 1, tzinfo=UTC)
    left_out = following(["30 2 * * *"], "Europe/Berlin", noon, dst=Dst(skipped=Skipped.SKIP))
    assert left_out == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
