"""Cron lines and time zones, against a clock that people know and against a walk that enumerates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell_operator.domain.ticks import COUNTED_AT_MOST, Due, check, due, following
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Reason

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


BERLIN = "Europe/Berlin"
CASES = {
    "at the tick itself": ("0 6 * * *", "UTC", "2026-11-22T06:00", "2026-11-22T06:00"),
    "a second before, it is yesterday's": ("0 6 * * *", "UTC", "2026-11-22T05:59:59", "2026-11-21T06:00"),
    "a shorthand": ("@daily", "UTC", "2026-11-22T05:00", "2026-11-22T00:00"),
    "in a zone": ("0 6 * * *", BERLIN, "2026-11-22T05:00", "2026-11-22T05:00"),
    "only on weekdays": ("0 6 * * 1-5", "UTC", "2026-11-22T12:00", "2026-11-20T06:00"),
    "in the hour that happens twice, once, in the first": (
        "30 2 * * *",
        BERLIN,
        "2026-10-25T01:45",
        "2026-10-25T00:30",
    ),
    "between its two occurrences": ("30 2 * * *", BERLIN, "2026-10-25T01:10", "2026-10-25T00:30"),
    "in the hour that does not exist, right after the gap": (
        "30 2 * * *",
        BERLIN,
        "2026-03-29T01:20",
        "2026-03-29T01:00",
    ),
    "of six fields the first is the second": ("30 0 6 * * *", "UTC", "2026-11-22T06:00:30.9", "2026-11-22T06:00:30"),
    "every ten seconds": ("*/10 * * * * *", "UTC", "2026-11-22T06:00:09", "2026-11-22T06:00"),
    "six fields at a fixed time, in the hour that happens twice": (
        "15 30 2 * * *",
        BERLIN,
        "2026-10-25T01:45",
        "2026-10-25T00:30:15",
    ),
    "an interval of six fields, in its second occurrence": (
        "15 30 * * * *",
        BERLIN,
        "2026-10-25T01:45",
        "2026-10-25T01:30:15",
    ),
    "every hour goes through both": ("0 * * * *", BERLIN, "2026-10-25T01:05", "2026-10-25T01:00"),
}


@pytest.mark.parametrize(("line", "zone", "now", "tick"), CASES.values(), ids=CASES.keys())
def test_the_newest_tick_that_is_due(line: str, zone: str, now: str, tick: str) -> None:
    found = due([line], zone, LONG_AGO, at(now))
    assert found is not None
    assert found.tick == at(tick)


NEXT = {
    "an ordinary day": ("0 6 * * *", "UTC", "2026-11-22T06:00", "2026-11-23T06:00"),
    "after the first of two occurrences it is tomorrow": ("30 2 * * *", BERLIN, "2026-10-25T01:10", "2026-10-26T01:30"),
    "some seconds later": ("*/10 * * * * *", "UTC", "2026-11-22T06:00:09.5", "2026-11-22T06:00:10"),
    "six fields in the hour that does not exist, right after the gap": (
        "15 30 2 * * *",
        BERLIN,
        "2026-03-29T00:59:59",
        "2026-03-29T01:00",
    ),
    "across the gap": ("30 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-29T01:00"),
}


@pytest.mark.parametrize(("line", "zone", "now", "tick"), NEXT.values(), ids=NEXT.keys())
def test_the_next_tick(line: str, zone: str, now: str, tick: str) -> None:
    assert following([line], zone, at(now)) == at(tick)


def test_nothing_is_due_before_the_first_tick() -> None:
    assert due(["0 6 * * *"], "UTC", at("2026-11-22T06:00"), at("2026-11-22T23:00")) is None


def test_what_was_missed_is_counted() -> None:
    assert due(["0 6 * * *"], "UTC", at("2026-11-19T06:00"), at("2026-11-22T12:00")) == Due(at("2026-11-22T06:00"), 2)


def test_of_many_that_were_missed_so_many_of_the_newest_are_wanted_and_the_oldest_of_them_first() -> None:
    days = at("2026-11-19T06:00"), at("2026-11-22T12:00")
    assert due(["0 6 * * *"], "UTC", *days, most=2) == Due(at("2026-11-21T06:00"), older=1, newer=1)
    assert due(["0 6 * * *"], "UTC", *days, most=9) == Due(at("2026-11-20T06:00"), older=0, newer=2)


def test_years_of_missed_minutes_cost_a_bounded_look() -> None:
    found = due(["* * * * *"], "UTC", LONG_AGO, at("2026-11-22T12:00"))
    assert found == Due(at("2026-11-22T12:00"), COUNTED_AT_MOST)


@pytest.mark.parametrize(
    ("line", "zone", "words"),
    [
        ("* * *", "UTC", 'spec.schedule: "[*] [*] [*]" is not a cron line .it needs five fields'),
        ("0 0 31 2 *", "UTC", 'spec.schedule: "0 0 31 2 [*]" never fires: no such day exists'),
        ("0 0 30,31 2,2 *", "UTC", "never fires"),
        ("0 0 */31 * MON#5", "UTC", "never fires"),
        ("0 0 32 * *", "UTC", "Bad day-of-month"),
        ("61 * * * *", "UTC", "Bad minute"),
        ("0 0 0 0 * * *", "UTC", "it needs five fields, or six with the seconds before them"),
        ("60 0 0 * * *", "UTC", "Bad second"),
        ("0 0 0 30 2 *", "UTC", "never fires"),
        ("@daily", "Mars/Phobos", 'spec.timeZone: "Mars/Phobos" is not a time zone; use an IANA name'),
        ("@daily", "../etc/passwd", "is not a time zone"),
    ],
)
def test_a_bad_line_or_zone_gets_a_sentence(line: str, zone: str, words: str) -> None:
    with pytest.raises(Stalled, match=words) as error:
        check([line], zone)
    assert error.value.reason == Reason.INVALID_SPEC


TWO = ["0 6 * * *", "0 6,18 * * 0"]


def test_several_lines_are_one_row_of_ticks_and_a_minute_of_two_lines_is_one() -> None:
    sunday = at("2026-11-22T18:00")
    assert due(TWO, "UTC", at("2026-11-20T06:00"), sunday) == Due(sunday, 2)
    assert due(TWO, "UTC", at("2026-11-20T06:00"), at("2026-11-22T07:00")) == Due(at("2026-11-22T06:00"), 1)
    assert following(TWO, "UTC", at("2026-11-22T06:00")) == sunday
    assert following(TWO, "UTC", sunday) == at("2026-11-23T06:00")


LINES = st.sampled_from(
    [
        "*/20 * * * * *",
        "45 30 2 * * *",
        "*/7 * * * *",
        "5 */3 * * *",
        "30 2 * * *",
        "0 12 1 * *",
        "15 1,2,3 * * *",
        "@hourly",
    ]
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001


@given(LINES, ZONES, MOMENTS)
def test_looking_back_finds_what_walking_forward_would(line: str, zone: str, now: datetime) -> None:
    """`due` walks back, `following` forward; the tick that one finds must be where the other arrives."""
    found = due([line], zone, LONG_AGO, now)
    assert found is not None
    tick, after = found.tick, following([line], zone, now)
    assert after is not None
    assert tick <= now < after
    assert following([line], zone, tick - timedelta(seconds=1)) == tick
    assert following([line], zone, tick) == after


@given(st.lists(LINES, min_size=1, max_size=3), ZONES, MOMENTS)
def test_the_ticks_of_several_lines_are_those_of_each(lines: list[str], zone: str, now: datetime) -> None:
    found = [one for line in lines if (one := due([line], zone, LONG_AGO, now))]
    newest = due(lines, zone, LONG_AGO, now)
    assert newest is not None
    assert newest.tick == max(one.tick for one in found)
    ahead = [one for line in lines if (one := following([line], zone, now))]
    assert following(lines, zone, now) == min(ahead)
