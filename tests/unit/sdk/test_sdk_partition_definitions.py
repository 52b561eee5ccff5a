"""Definitions of partitions: what they take, as Dagster's do, and what they say about what cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from upwell import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from upwell.errors import InvalidValue, WrongType

Static, Multi, Window = StaticPartitionsDefinition, MultiPartitionsDefinition, TimeWindowPartitionsDefinition
DAYS = DailyPartitionsDefinition("2026-01-01")
EU = StaticPartitionsDefinition(["eu", "us"])


def window(**other: Any) -> TimeWindowPartitionsDefinition:
    given = {"start": "2026-01-01", "fmt": "%Y-%m-%d", "cron_schedule": "0 0 * * *", **other}
    return TimeWindowPartitionsDefinition(**given)


# ---------------------------------------------------------------- what they are


def test_listed_keys_are_kept_in_their_order() -> None:
    assert Static(["us", "eu"]).partition_keys == ("us", "eu")
    assert Static(("us", "eu")) == Static(["us", "eu"]) != EU


def test_dynamic_partitions_need_no_word_and_a_name_means_nothing() -> None:
    assert DynamicPartitionsDefinition().name is None
    assert DynamicPartitionsDefinition(name="shops").name == "shops"


def test_days_begin_at_midnight_in_utc_unless_it_is_said() -> None:
    assert (DAYS.cron_schedule, DAYS.fmt, DAYS.timezone, DAYS.end_offset) == ("0 0 * * *", "%Y-%m-%d", "UTC", 0)
    assert (DAYS.start, DAYS.end) == ("2026-01-01", None)
    lisbon = DailyPartitionsDefinition(
        datetime(2026, 1, 1, 6),  # noqa: DTZ001 -- as a user writes it
        "2026-02-01 06",
        hour_offset=6,
        timezone="Europe/Lisbon",
        fmt="%Y-%m-%d %H",
        end_offset=1,
    )
    assert (lisbon.cron_schedule, lisbon.timezone, lisbon.end_offset) == ("0 6 * * *", "Europe/Lisbon", 1)
    assert (lisbon.start, lisbon.end) == ("2026-01-01 06", "2026-02-01 06")


LINES: dict[str, tuple[TimeWindowPartitionsDefinition, str, str]] = {
    "hours": (HourlyPartitionsDefinition("2026-01-01-00:00"), "0 * * * *", "%Y-%m-%d-%H:%M"),
    "hours from a quarter past": (
        HourlyPartitionsDefinition("2026-01-01-00:15", minute_offset=15),
        "15 * * * *",
        "%Y-%m-%d-%H:%M",
    ),
    "hours without minutes": (HourlyPartitionsDefinition("20260101T00", fmt="%Y%m%dT%H"), "0 * * * *", "%Y%m%dT%H"),
    "weeks": (WeeklyPartitionsDefinition("2026-01-04"), "0 0 * * 0", "%Y-%m-%d"),
    "weeks from Monday": (WeeklyPartitionsDefinition("2026-01-05", day_offset=1), "0 0 * * 1", "%Y-%m-%d"),
    "months": (MonthlyPartitionsDefinition("2026-01-01"), "0 0 1 * *", "%Y-%m-%d"),
    "months without a day": (MonthlyPartitionsDefinition("2026-01", fmt="%Y-%m"), "0 0 1 * *", "%Y-%m"),
    "months from the fifteenth": (
        MonthlyPartitionsDefinition("2026-01-15", day_offset=15),
        "0 0 15 * *",
        "%Y-%m-%d",
    ),
    "years": (window(start="2026", fmt="%Y", cron_schedule="0 0 1 1 *"), "0 0 1 1 *", "%Y"),
    "a shorthand": (window(cron_schedule=" @daily"), "@daily", "%Y-%m-%d"),
}


@pytest.mark.parametrize(("made", "line", "fmt"), LINES.values(), ids=LINES)
def test_offsets_become_a_cron_line(made: TimeWindowPartitionsDefinition, line: str, fmt: str) -> None:
    assert (made.cron_schedule, made.fmt) == (line, fmt)


def test_two_dimensions_stand_in_the_order_of_their_names() -> None:
    both = Multi({"region": EU, "date": DAYS})
    assert list(both.partitions_defs.items()) == [("date", DAYS), ("region", EU)]
    assert both == Multi({"date": DAYS, "region": EU})


# ---------------------------------------------------------------- what they refuse


MORNING = datetime(2026, 1, 1, 6)  # noqa: DTZ001 -- as a user writes it
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "keys that are text": (lambda: Static("eu"), WrongType, "partition_keys is a list of text, not str"),
    "keys that are a number": (lambda: Static(3), WrongType, "partition_keys is a list of text, not int"),
    "a key that is a number": (lambda: Static([1]), WrongType, "a partition is named by text, not int: 1"),
    "a key of two": (lambda: Static(["eu|us"]), InvalidValue, "'eu|us': a key that is listed has no '|'"),
    "a key that is long": (lambda: Static(["x" * 121]), InvalidValue, "at most 120 characters"),
    "a key that ends in a blank": (lambda: Static(["eu "]), InvalidValue, "partition 'eu ': a key has"),
    "no key": (lambda: Static([]), InvalidValue, "1 to 1000 keys can be listed, not 0"),
    "very many keys": (lambda: Static([str(n) for n in range(1001)]), InvalidValue, "not 1001; what grows is a"),
    "a key twice": (lambda: Static(["eu", "us", "eu"]), InvalidValue, "'eu' is listed twice; remove one of them"),
    "a name that is no text": (lambda: DynamicPartitionsDefinition(3), WrongType, "name is text, not int"),
    "a start in another format": (
        lambda: DailyPartitionsDefinition("1.1.2026"),
        InvalidValue,
        "DailyPartitionsDefinition: the start '1.1.2026' is not written as fmt '%Y-%m-%d' says, such as 2026-01-31",
    ),
    "a start in another spelling": (
        lambda: DailyPartitionsDefinition("2026-1-1"),
        InvalidValue,
        "the start '2026-1-1'",
    ),
    "a start that is a number": (lambda: DailyPartitionsDefinition(2026), WrongType, "text, or a datetime, not int"),
    "a start between two keys": (lambda: DailyPartitionsDefinition(MORNING), InvalidValue, "nothing that fmt leaves"),
    "a start in a zone of its own": (
        lambda: DailyPartitionsDefinition(datetime(2026, 1, 1, tzinfo=UTC)),
        InvalidValue,
        "a datetime has no time zone of its own",
    ),
    "a start before the year 2000": (
        lambda: DailyPartitionsDefinition("1999-12-31"),
        InvalidValue,
        "the start '1999-12-31' is before the year 2000; begin later",
    ),
    "an end before the start": (
        lambda: WeeklyPartitionsDefinition("2026-01-04", "2026-01-04"),
        InvalidValue,
        "WeeklyPartitionsDefinition: the end 2026-01-04 is not later than the start 2026-01-04",
    ),
    "an end in another format": (
        lambda: DailyPartitionsDefinition("2026-01-01", "soon"),
        InvalidValue,
        "the end 'soon' is not written as fmt",
    ),
    "a format of other words": (
        lambda: window(fmt="%y-%m-%d"),
        InvalidValue,
        "fmt is made of %Y, %m, %d, %H and %M",
    ),
    "a format of nothing": (lambda: window(fmt=""), InvalidValue, "fmt is made of"),
    "a format that is no text": (lambda: window(fmt=3), InvalidValue, "fmt is made of"),
    "a format that is long": (lambda: window(fmt="%Y" + "-" * 63), InvalidValue, "fmt is made of"),
    "a format that says the year twice": (lambda: window(fmt="%Y%Y-%m-%d"), InvalidValue, "says %Y twice"),
    "a format that ends in a blank": (lambda: window(start="2026-01-01 ", fmt="%Y-%m-%d "), InvalidValue, "blanks at"),
    "a format without the offsets": (
        lambda: DailyPartitionsDefinition("2026-01-01", minute_offset=30, hour_offset=6),
        InvalidValue,
        "fmt '%Y-%m-%d' leaves out where a window begins; add %H and %M, and write start and end like it",
    ),
    "weeks without a day": (
        lambda: WeeklyPartitionsDefinition("2026-01", fmt="%Y-%m"),
        InvalidValue,
        "leaves out where a window begins; add %d",
    ),
    "months without a month": (lambda: MonthlyPartitionsDefinition("2026", fmt="%Y"), InvalidValue, "add %m"),
    "a minute that is none": (
        lambda: HourlyPartitionsDefinition("2026-01-01-00:00", minute_offset=60),
        InvalidValue,
        "HourlyPartitionsDefinition: minute_offset is a whole number from 0 to 59, not 60",
    ),
    "an hour that is none": (
        lambda: DailyPartitionsDefinition("2026-01-01", hour_offset="6"),
        InvalidValue,
        "hour_offset is a whole number from 0 to 23, not '6'",
    ),
    "a weekday that is none": (
        lambda: WeeklyPartitionsDefinition("2026-01-01", day_offset=7),
        InvalidValue,
        "day_offset is a whole number from 0 to 6, not 7",
    ),
    "a day that is none": (
        lambda: MonthlyPartitionsDefinition("2026-01-01", day_offset=0),
        InvalidValue,
        "day_offset is a whole number from 1 to 31, not 0",
    ),
    "an offset that is no number": (lambda: window(end_offset=True), InvalidValue, "end_offset is a whole number"),
    "an offset that is large": (lambda: window(end_offset=1001), InvalidValue, "from -1000 to 1000, not 1001"),
    "a zone with blanks": (lambda: window(timezone="Europe / Lisbon"), InvalidValue, "timezone is an IANA name"),
    "a zone that is no text": (lambda: window(timezone=1), InvalidValue, "timezone is an IANA name"),
    "a line with seconds": (lambda: window(cron_schedule="0 0 0 * * *"), InvalidValue, "cron_schedule is five fields"),
    "a line that is no text": (lambda: window(cron_schedule=["@daily"]), InvalidValue, "cron_schedule is five fields"),
    "no line": (lambda: Window("2026-01-01", "%Y-%m-%d"), TypeError, "cron_schedule"),
    "an argument of Dagster's": (
        lambda: DailyPartitionsDefinition("2026-01-01", exclusions=[]),
        TypeError,
        "exclusions",
    ),
    "dimensions in a list": (lambda: Multi([EU, DAYS]), WrongType, "a mapping of name to definition, not list"),
    "one dimension": (lambda: Multi({"region": EU}), InvalidValue, "there are two dimensions, not 1"),
    "a name with a capital": (lambda: Multi({"Region": EU, "date": DAYS}), InvalidValue, "'Region' is no name of a"),
    "a name that is a number": (lambda: Multi({1: EU, "date": DAYS}), InvalidValue, "1 is no name of a dimension"),
    "a dimension that is a list": (lambda: Multi({"region": ["eu"], "date": DAYS}), WrongType, "region is static, dyn"),
    "a dimension of two": (
        lambda: Multi({"both": Multi({"a": EU, "b": EU}), "date": DAYS}),
        WrongType,
        "both is static, dynamic or cut by time, not upwell.partition_definitions.MultiPartitionsDefinition",
    ),
}


@pytest.mark.parametrize(("make", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_naming_it(make: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as refused:
        make()
    assert says in str(refused.value)
