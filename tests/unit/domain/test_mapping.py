"""Partition mappings: what a partition is built from, held against looking at every pair of keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell_operator.domain import mapping, partitions
from upwell_operator.domain.mapping import All, Along, Edge, Identity, Last, Listed, SameTime, above, below
from upwell_operator.domain.partitions import Dynamic, Partitions
from upwell_operator.domain.windows import TimeWindow, span
from upwell_operator.resources import partitions as model

NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


def cut(**written: Any) -> Partitions:
    """Read a definition as a manifest has it."""
    return partitions.accept(model.Partitions.model_validate(written))


def windows(cron: str = "@daily", start: str = "2026-03-20", form: str = "%Y-%m-%d", **written: Any) -> Partitions:
    return cut(timeWindow={"cron": cron, "start": start, "format": form, **written})


DAYS = windows()
HOURS = windows("@hourly", "2026-03-20-00", "%Y-%m-%d-%H")
MONTHS = windows("@monthly", "2026-01-01")
REGIONS = cut(static=["eu", "us"])
DAY = {"timeWindow": {"cron": "@daily", "start": "2026-03-20"}}
GRID = cut(multi={"date": DAY, "region": {"static": ["eu", "us"]}})
CLIENTS = cut(multi={"client": {"dynamic": {}}, "date": DAY})


def edge(up: Partitions, down: Partitions, written: mapping.Mapping | None = None) -> Edge:
    found = written or mapping.evident(up, down)
    assert found, "there is no evident mapping"
    assert mapping.misfit(found, up, down) is None
    return Edge(up, down, found)


# ---------------------------------------------------------------- the evident mapping


@pytest.mark.parametrize(
    ("up", "down", "expected"),
    [
        pytest.param(None, DAYS, All(), id="every partition is built from all of an input that is not cut"),
        pytest.param(DAYS, None, All(), id="what is not cut is built from all partitions"),
        pytest.param(HOURS, DAYS, SameTime(), id="windows of time have the same time"),
        pytest.param(REGIONS, cut(static=["eu", "us"]), Identity(), id="two equal lists have the same keys"),
        pytest.param(Dynamic(), Dynamic(), Identity(), id="what is dynamic has the same keys"),
        pytest.param(GRID, GRID, Identity(), id="two grids of the same dimensions have the same keys"),
        pytest.param(GRID, DAYS, Along("date"), id="a dimension is found in a grid"),
        pytest.param(REGIONS, GRID, Along("region"), id="and a grid is built along it"),
        pytest.param(REGIONS, DAYS, None, id="regions and days have nothing in common"),
        pytest.param(REGIONS, cut(static=["eu"]), None, id="nor do two lists that differ"),
    ],
)
def test_what_nobody_writes(up: Partitions | None, down: Partitions | None, expected: object) -> None:
    assert mapping.evident(up, down) == expected


@pytest.mark.parametrize(
    ("written", "up", "down", "sentence"),
    [
        (Identity(), REGIONS, DAYS, "it needs both to be cut alike"),
        (Identity(), None, DAYS, "it maps partitions, and the input has none"),
        (Last(), REGIONS, None, "it maps partitions, and this asset has none"),
        (Last(), Dynamic(), DAYS, "it needs an input that is cut into a list or windows of time"),
        (SameTime(), REGIONS, DAYS, "it needs both to be cut into windows of time"),
        (Along("hour"), GRID, DAYS, 'it needs one to be cut by the dimension "hour" and the other alike'),
        (Along("region"), GRID, DAYS, 'it needs one to be cut by the dimension "region" and the other alike'),
        (Listed((("eu", ("x",)),)), REGIONS, REGIONS, '"x" is no partition of this asset'),
        (Listed((("mars", ("eu",)),)), REGIONS, REGIONS, '"mars" is no partition of the input'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mapping_that_does_not_fit_is_refused_with_what_it_needs(
    written: mapping.Mapping, up: Partitions | None, down: Partitions | None, sentence: str
) -> None:
    assert mapping.misfit(written, up, down) == sentence


def test_all_fits_everything() -> None:
    assert mapping.misfit(All(), REGIONS, DAYS) is None


# ---------------------------------------------------------------- upwards


def test_a_day_is_built_from_its_hours() -> None:
    found = above(edge(HOURS, DAYS), "2026-03-21", NOW)
    assert (found[0], found[-1], len(found)) == ("2026-03-21-00", "2026-03-21-23", 24)


def test_a_day_on_which_the_clocks_go_forward_has_an_hour_less() -> None:
    zone = {"timeZone": "Europe/Berlin"}
    hours, days = windows("@hourly", "2026-03-20-00", "%Y-%m-%d-%H", **zone), windows(**zone)
    assert len(above(edge(hours, days), "2026-03-29", NOW)) == 23


def test_an_hour_is_built_from_its_day_and_a_month_from_the_days_there_are() -> None:
    assert above(edge(DAYS, HOURS), "2026-03-21-05", NOW) == ("2026-03-21",)
    february = windows(start="2026-02-25")
    assert above(edge(february, MONTHS), "2026-02-01", NOW) == tuple(f"2026-02-{day}" for day in (25, 26, 27, 28))


def test_an_offset_reaches_back_by_windows_of_the_lower_asset() -> None:
    yesterday = edge(DAYS, DAYS, SameTime(-1, -1))
    assert above(yesterday, "2026-03-22", NOW) == ("2026-03-21",)
    assert above(yesterday, "2026-03-20", NOW) == ()
    three = edge(DAYS, DAYS, SameTime(-2, 0))
    assert above(three, "2026-03-21", NOW) == ("2026-03-20", "2026-03-21")


def test_an_asset_that_begins_earlier_finds_no_window_before_the_first() -> None:
    early = windows(start="2026-01-01")
    assert above(edge(DAYS, early), "2026-02-01", NOW) == ()
    assert below(edge(early, DAYS), "2026-02-01", NOW) == ()


def test_the_last_is_the_newest_window_or_the_end_of_a_list() -> None:
    assert above(edge(DAYS, REGIONS, Last()), "eu", NOW) == ("2026-03-30",)
    assert above(edge(REGIONS, DAYS, Last()), "2026-03-21", NOW) == ("us",)
    assert above(edge(windows(start="2027-01-01"), REGIONS, Last()), "eu", NOW) == ()


def test_a_dimension_agrees_with_every_pair_that_has_it() -> None:
    assert above(edge(GRID, DAYS), "2026-03-21", NOW) == ("2026-03-21|eu", "2026-03-21|us")
    assert above(edge(GRID, REGIONS), "eu", NOW)[:2] == ("2026-03-20|eu", "2026-03-21|eu")
    assert above(edge(REGIONS, GRID), "2026-03-21|us", NOW) == ("us",)


def test_of_what_is_dynamic_the_keys_that_are_known_agree() -> None:
    known = ["ana|2026-03-21", "bo|2026-03-21", "bo|2026-03-22"]
    assert above(edge(CLIENTS, DAYS), "2026-03-21", NOW, known) == ("ana|2026-03-21", "bo|2026-03-21")
    assert below(edge(DAYS, CLIENTS), "2026-03-22", NOW, known) == ("bo|2026-03-22",)


def test_a_list_says_what_is_built_from_what() -> None:
    continents = edge(cut(static=["de", "fr", "us"]), cut(static=["eu", "na"]), LANDS)
    assert above(continents, "eu", NOW) == ("de", "fr")
    assert below(continents, "us", NOW) == ("na",)


LANDS = Listed((("de", ("eu",)), ("fr", ("eu",)), ("us", ("na",))))


def test_of_all_there_are_no_keys_to_give_and_everything_is_built_from_each() -> None:
    assert above(edge(REGIONS, DAYS, All()), "2026-03-21", NOW) == ()
    assert below(edge(REGIONS, DAYS, All()), "eu", NOW) is None


# ---------------------------------------------------------------- both ways

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
LINES = {"@hourly": "%Y-%m-%d-%H", "@daily": "%Y-%m-%d", "@weekly": "%Y-%m-%d", "0 6 * * *": "%Y-%m-%d-%H"}


@st.composite
def window(draw: st.DrawFn) -> Partitions:
    line, zone = draw(st.sampled_from(list(LINES))), draw(st.sampled_from(ZONES))
    start = datetime(2026, 3, draw(st.integers(22, 29)))  # noqa: DTZ001 -- as a manifest has it
    return windows(line, f"{start:{LINES[line]}}", LINES[line], timeZone=zone, endOffset=draw(st.integers(-1, 1)))


@st.composite
def edges(draw: st.DrawFn) -> Edge:
    between = draw(st.sampled_from(["time", "grid", "list", "last", "same"]))
    if between == "time":
        offsets = SameTime(draw(st.integers(-3, 2)), draw(st.integers(-3, 2)))
        return edge(draw(window()), draw(window()), offsets)
    if between == "grid":
        return edge(*draw(st.permutations([GRID, draw(st.sampled_from([DAYS, REGIONS]))])))
    if between == "list":
        return edge(cut(static=["de", "fr", "us"]), cut(static=["eu", "na"]), LANDS)
    return edge(draw(window()), REGIONS, Last()) if between == "last" else edge(GRID, GRID)


@given(edges(), st.integers(0, 300))
def test_what_is_below_is_what_has_it_above(between: Edge, hours: int) -> None:
    now = NOW - timedelta(hours=hours)
    lower, upper = (list(partitions.keys(one, now)) for one in (between.down, between.up))
    built_from = {key: set(above(between, key, now)) for key in lower}
    for key in upper[:: max(1, len(upper) // 20)]:
        found = below(between, key, now)
        assert set(lower if found is None else found) == {one for one in lower if key in built_from[one]}


@given(window(), window(), st.integers(-2, 2), st.integers(0, 2), st.integers(0, 200))
def test_windows_of_the_same_time_are_those_whose_times_overlap(
    up: TimeWindow, down: TimeWindow, first: int, longer: int, hours: int
) -> None:
    now = NOW - timedelta(hours=hours)
    offsets = SameTime(first, first + longer)
    for key in list(partitions.keys(down, now))[::5]:
        begin, end = span(down, key, offsets.start_offset, offsets.end_offset)
        times = {one: span(up, one) for one in partitions.keys(up, now)}
        expected = tuple(one for one, (first_at, last_at) in times.items() if first_at < end and last_at > begin)
        assert above(edge(up, down, offsets), key, now) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"type": "All"}, All()),
        ({"type": "Identity"}, Identity()),
        ({"type": "Last"}, Last()),
        ({"type": "TimeWindow", "startOffset": -6}, SameTime(-6, 0)),
        ({"type": "TimeWindow"}, SameTime()),
        ({"type": "Static", "static": {"de": ["eu"], "fr": ["eu"], "us": ["na"]}}, LANDS),
        ({"type": "Dimension", "dimension": "region"}, Along("region")),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_what_a_manifest_says(written: dict[str, Any], expected: object) -> None:
    assert mapping.accept(model.PartitionMapping.model_validate(written)) == expected


def test_every_mapping_fits_where_it_should() -> None:
    for written, up, down in ((SameTime(), HOURS, DAYS), (Along("date"), GRID, DAYS), (LANDS, Dynamic(), Dynamic())):
        assert mapping.misfit(written, up, down) is None


def test_of_two_days_only_the_newest_has_something_below_that_is_built_from_the_last() -> None:
    last = edge(DAYS, REGIONS, Last())
    assert below(last, "2026-03-30", NOW) is None
    assert below(last, "2026-03-29", NOW) == ()
    assert below(last, "2027-03-29", NOW) == (), "it is no partition"


def test_offsets_reach_over_years_in_both_directions() -> None:
    years = windows("0 0 1 1 *", "2020-01-01")
    assert above(edge(years, years, SameTime(-3, -1)), "2025-01-01", NOW) == ("2022-01-01", "2023-01-01", "2024-01-01")
    assert above(edge(years, years, SameTime(-9, -1)), "2021-01-01", NOW) == ("2020-01-01",)
    assert above(edge(years, years, SameTime(0, 9)), "2024-01-01", NOW) == ("2024-01-01", "2025-01-01")
