"""Partitions: which keys there are, held against a clock that is read by and by; and what is no key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell.protocol import Event, EventType
from upwell_operator.domain import partitions
from upwell_operator.domain.partitions import Dynamic, Multi, Partitions, Static
from upwell_operator.errors import Rejected, Stalled
from upwell_operator.resources import partitions as model

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)


def cut(**written: Any) -> Partitions:
    """Read a definition as a manifest has it."""
    return partitions.accept(model.Partitions.model_validate(written))


def days(**written: Any) -> Partitions:
    return cut(timeWindow={"cron": "@daily", "start": "2026-11-20", **written})


BOTH = cut(
    multi={"region": {"static": ["eu", "us"]}, "date": {"timeWindow": {"cron": "@daily", "start": "2026-11-24"}}}
)


# ---------------------------------------------------------------- which keys there are


def test_the_partitions_of_a_list_are_what_it_says_in_its_order() -> None:
    assert list(partitions.keys(cut(static=["us", "eu"]), NOW)) == ["us", "eu"]


def test_a_day_is_a_partition_once_it_is_over() -> None:
    found = list(partitions.keys(days(), NOW))
    assert found == ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"]
    midnight = datetime(2026, 11, 27, tzinfo=UTC)
    assert partitions.changes_at(days(), NOW) == midnight
    assert list(partitions.keys(days(), midnight)) == [*found, "2026-11-26"]


def test_an_offset_takes_the_day_that_goes_on_or_leaves_out_the_last() -> None:
    assert list(partitions.keys(days(endOffset=1), NOW))[-1] == "2026-11-26"
    assert list(partitions.keys(days(endOffset=-1), NOW))[-1] == "2026-11-24"
    assert list(partitions.keys(days(endOffset=-9), NOW)) == []


def test_no_window_begins_at_the_end_or_later() -> None:
    ended = days(end="2026-11-22")
    assert list(partitions.keys(ended, NOW)) == ["2026-11-20", "2026-11-21"]
    assert partitions.total(ended, NOW) == 2


def test_before_its_start_an_asset_has_no_partitions_and_the_first_comes_when_the_first_window_is_over() -> None:
    later = days(start="2027-02-01")
    assert (partitions.total(later, NOW), list(partitions.keys(later, NOW))) == (0, [])
    assert partitions.changes_at(later, NOW) == datetime(2027, 2, 2, tzinfo=UTC)


def test_two_dimensions_have_every_pair_of_keys_in_the_order_of_their_names() -> None:
    pairs = ["2026-11-24|eu", "2026-11-24|us", "2026-11-25|eu", "2026-11-25|us"]
    assert list(partitions.keys(BOTH, NOW)) == pairs
    assert partitions.total(BOTH, NOW) == 4
    assert partitions.changes_at(BOTH, NOW) == datetime(2026, 11, 27, tzinfo=UTC)


def test_nobody_knows_beforehand_how_many_partitions_a_dynamic_asset_has() -> None:
    several = cut(multi={"a": {"dynamic": {}}, "b": {"static": ["x"]}})
    assert [partitions.total(one, NOW) for one in (Dynamic(), several)] == [None, None]
    assert [list(partitions.keys(one, NOW)) for one in (Dynamic(), several)] == [[], []]
    assert [partitions.changes_at(one, NOW) for one in (Dynamic(), Static(("a",)), several)] == [None, None, None]


# ---------------------------------------------------------------- an independent clock


ZONES = [
    "UTC",
    "Europe/Lisbon",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kolkata",
]
CUTS = {
    "@hourly": "%Y-%m-%d %H:%M",
    "@daily": "%Y-%m-%d",
    "0 */6 * * *": "%Y-%m-%d %H:%M",
    "30 2 * * *": "%Y-%m-%d %H:%M",
}


def floor(cron: str, there: datetime) -> datetime:
    """Give the beginning of the window that a time on the wall belongs to, without cron's help."""
    match cron:
        case "@hourly":
            return there.replace(minute=0)
        case "@daily":
            return there.replace(hour=0, minute=0)
        case "0 */6 * * *":
            return there.replace(hour=there.hour // 6 * 6, minute=0)
    moved = there - timedelta(hours=2, minutes=30)
    return moved.replace(hour=2, minute=30)


def walked(cron: str, zone: ZoneInfo, first: datetime, until: datetime) -> list[datetime]:
    """Give the windows that a clock shows, read each quarter of an hour, that is held where it would go back."""
    found, moment, highest = [], first, datetime(1, 1, 1)  # noqa: DTZ001 -- the clock on the wall
    while moment <= until:
        highest = max(highest, moment.astimezone(zone).replace(tzinfo=None))
        found.append(floor(cron, highest))
        moment += timedelta(minutes=15)
    return [window for window, _ in groupby(found)]


@given(
    st.sampled_from(ZONES),
    st.sampled_from(sorted(CUTS)),
    st.sampled_from(
        [(2018, 11, 3), (2018, 2, 16), (2024, 3, 30), (2024, 4, 25), (2024, 10, 26), (2025, 4, 5), (2025, 10, 4)]
    ),
    st.integers(0, 3 * 24 * 60),
)
def test_windows_are_those_of_a_clock_that_is_held_where_it_would_go_back(
    name: str, cron: str, day: tuple[int, int, int], minutes: int
) -> None:
    zone, form = ZoneInfo(name), CUTS[cron]
    begin = datetime(*day, tzinfo=zone)
    now = begin.astimezone(UTC) + timedelta(minutes=minutes)
    start = floor(cron, datetime(*day, 12)).strftime(form)  # noqa: DTZ001 -- the clock on the wall
    windows = cut(timeWindow={"cron": cron, "start": start, "timeZone": name, "format": form})
    seen = [one.strftime(form) for one in walked(cron, zone, begin.astimezone(UTC) - timedelta(days=1), now)]
    wanted = seen[seen.index(start) : -1] if start in seen else []
    assert list(partitions.keys(windows, now)) == wanted
    assert partitions.total(windows, now) == len(wanted)
    assert all(partitions.problem(windows, key, now) is None for key in wanted)
    change = partitions.changes_at(windows, now)
    assert change is not None
    assert (
        partitions.total(windows, change)
        == len(wanted) + 1
        > (partitions.total(windows, change - timedelta(seconds=1)) or 0)
    )


def test_a_day_without_a_midnight_is_a_day_and_an_hour_that_the_clock_jumps_over_is_none() -> None:
    sao_paulo = {"start": "2018-11-03", "timeZone": "America/Sao_Paulo"}
    assert list(islice(partitions.keys(days(**sao_paulo), NOW), 2)) == ["2018-11-03", "2018-11-04"]
    hours = cut(timeWindow={"cron": "@hourly", "format": "%Y-%m-%dT%H", **sao_paulo, "start": "2018-11-03T23"})
    assert list(islice(partitions.keys(hours, NOW), 2)) == ["2018-11-03T23", "2018-11-04T01"]


def test_the_partitions_of_twenty_six_years_of_hours_are_counted() -> None:
    hours = cut(timeWindow={"cron": "@hourly", "format": "%Y-%m-%dT%H", "start": "2000-01-01T00"})
    assert partitions.total(hours, NOW) == (NOW - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(hours=1)


# ---------------------------------------------------------------- what is no partition


NO_KEY: dict[str, tuple[Partitions, str, str]] = {
    "not listed": (cut(static=["eu", "us"]), "asia", '"asia" is not one of the partitions: eu, us'),
    "not among many": (cut(static=[f"k{n}" for n in range(12)]), "x", "k8, k9 and 2 more"),
    "another format": (days(), "26.11.2026", "is not written as the format says; an example is 2026-11-20"),
    "another spelling": (days(), "2026-11-2", "is not written as the format says"),
    "before the start": (days(), "2026-11-19", '"2026-11-19" is outside of the windows: they begin at 2026-11-20 or'),
    "at the end": (days(end="2026-11-22"), "2026-11-22", "2026-11-20 or later and before 2026-11-22"),
    "not over": (days(), "2026-11-26", 'the window "2026-11-26" is not over yet; spec.partitions.timeWindow.endOff'),
    "not a window's beginning": (
        cut(timeWindow={"cron": "@weekly", "start": "2026-11-01"}),
        "2026-11-16",
        'no window begins at "2026-11-16": they begin at the ticks of "0 0 * * 0"',
    ),
    "one key of two": (BOTH, "eu", '"eu" must be two keys joined by "|": date|region'),
    "the wrong way round": (BOTH, "eu|2026-11-24", 'date: "eu" is not written as the format says'),
    "a wrong second key": (BOTH, "2026-11-24|asia", 'region: "asia" is not one of the partitions: eu, us'),
    "a dynamic key of two parts": (Dynamic(), "a|b", '"a|b" has a "|", which separates two dimensions'),
}


@pytest.mark.parametrize(("asset", "key", "sentence"), NO_KEY.values(), ids=NO_KEY)
def test_what_is_no_partition_is_refused_with_a_sentence(asset: Partitions, key: str, sentence: str) -> None:
    assert sentence in (partitions.problem(asset, key, NOW) or "")


KEYS: dict[str, tuple[Partitions, str]] = {
    "listed": (cut(static=["eu"]), "eu"),
    "a day": (days(), "2026-11-25"),
    "whatever was reported": (Dynamic(), "anything"),
    "a pair": (BOTH, "2026-11-25|us"),
}


@pytest.mark.parametrize(("asset", "key"), KEYS.values(), ids=KEYS)
def test_what_is_a_partition_is_accepted(asset: Partitions, key: str) -> None:
    assert partitions.problem(asset, key, NOW) is None


def test_two_dimensions_are_read_in_the_order_of_their_names() -> None:
    assert isinstance(BOTH, Multi)
    assert BOTH.names == ("date", "region")


# ---------------------------------------------------------------- definitions that cannot be


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a start in another format": ({"start": "1.1.2026"}, 'start: "1.1.2026" is not written as the format says'),
    "a start before the year 2000": ({"start": "1999-12-31"}, "is before the year 2000; begin later"),
    "an end before the start": ({"end": "2026-11-19"}, "timeWindow.end: no window begins between start and end"),
    "a zone that is none": ({"timeZone": "Mars"}, 'spec.partitions.timeWindow.timeZone: "Mars" is not a time zone'),
    "a line that is none": ({"cron": "0 0 * * 9"}, 'timeWindow.cron: "0 0 * * 9" is not a cron line'),
    "a line that never fires": ({"cron": "0 0 31 2 *"}, '"0 0 31 2 *" is not a cron line (Bad day-of-month)'),
    "a line with seconds": ({"cron": "0 0 0 * * *"}, '"0 0 0 * * *" is not a cron line (it needs five fields)'),
    "windows of a minute": ({"cron": "* * * * *"}, "makes windows shorter than an hour"),
    "a format that says the year twice": (
        {"format": "%Y/%Y-%m-%d", "start": "2026/2026-11-20"},
        'timeWindow.format: "%Y/%Y-%m-%d" says %Y twice',
    ),
    "a format without the hour": ({"cron": "@hourly"}, 'format: "%Y-%m-%d" leaves out where a window begins'),
}


@pytest.mark.parametrize(("written", "sentence"), BAD.values(), ids=BAD)
def test_a_definition_that_cannot_be_is_refused_with_a_sentence(written: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as refused:
        days(**written)
    assert sentence in str(refused.value)


def test_a_dimension_that_cannot_be_is_named() -> None:
    window = {"timeWindow": {"cron": "@daily", "start": "x"}}
    with pytest.raises(Stalled, match=r'spec\.partitions\.multi\.date\.timeWindow\.start: "x"'):
        cut(multi={"date": window, "region": {"static": ["eu"]}})


# ---------------------------------------------------------------- what an event reports


def an_observation(**fields: Any) -> Event:
    return Event("e1", EventType.OBSERVATION, "sales", NOW.isoformat(), **fields)


REPORTED: dict[str, tuple[Partitions | None, Event, dict[str, str]]] = {
    "versions of several": (
        Static(("eu", "us")),
        an_observation(partitions={"eu": "a", "us": "b"}),
        {"eu": "a", "us": "b"},
    ),
    "a version of one": (Static(("eu",)), an_observation(partition="eu", data_version="a"), {"eu": "a"}),
    "a note about one": (Static(("eu",)), an_observation(partition="eu"), {}),
    "a note about a slice of what is not cut": (None, an_observation(partition="eu"), {}),
    "a version of what is not cut": (None, an_observation(data_version="v"), {}),
    "a note about the whole": (Static(("eu",)), an_observation(), {}),
}


@pytest.mark.parametrize(("asset", "event", "found"), REPORTED.values(), ids=REPORTED)
def test_an_event_reports_versions_of_partitions(asset: Partitions | None, event: Event, found: dict[str, str]) -> None:
    assert partitions.versions(asset, event, NOW) == found


REFUSED: dict[str, tuple[Partitions | None, Event, str]] = {
    "partitions of what is not cut": (None, an_observation(partitions={"eu": "a"}), "'sales' has no spec.partitions"),
    "one version of what is cut": (Static(("eu",)), an_observation(data_version="v"), "the asset is partitioned"),
    "a version of what is no partition": (
        Static(("eu",)),
        an_observation(partitions={"x": "a"}),
        'partition: "x" is not',
    ),
    "a note about what is no partition": (Static(("eu",)), an_observation(partition="x"), 'partition: "x" is not one'),
}


@pytest.mark.parametrize(("asset", "event", "sentence"), REFUSED.values(), ids=REFUSED)
def test_an_event_that_does_not_fit_the_definition_is_refused(
    asset: Partitions | None, event: Event, sentence: str
) -> None:
    with pytest.raises(Rejected) as refused:
        partitions.versions(asset, event, NOW)
    assert sentence in str(refused.value)


def test_a_definition_is_read_from_an_assets_own_json_and_one_that_cannot_be_is_none() -> None:
    assert partitions.written({"partitions": {"static": ["eu"]}}) == Static(("eu",))
    assert [partitions.written(spec) for spec in ({}, {"partitions": {"static": "eu"}})] == [None, None]
    assert partitions.written({"partitions": {"timeWindow": {"cron": "@daily", "start": "x"}}}) is None
