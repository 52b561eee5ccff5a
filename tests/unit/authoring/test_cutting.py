"""Partitions in Python: what becomes of them in a manifest, and that both have the same rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from upwell import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from upwell.errors import PermanentError
from upwell_operator.authoring.cutting import partitions_of
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.domain.partitions import accept
from upwell_operator.errors import Stalled
from upwell_operator.resources.partitions import Partitions

EU = StaticPartitionsDefinition(["eu", "us"])
DAYS = DailyPartitionsDefinition("2026-01-01")
DAILY = {"timeWindow": {"cron": "0 0 * * *", "start": "2026-01-01"}}
CUTS: dict[str, tuple[PartitionsDefinition, dict[str, Any]]] = {
    "listed": (EU, {"static": ["eu", "us"]}),
    "dynamic": (DynamicPartitionsDefinition("shops"), {"dynamic": {}}),
    "days": (DAYS, DAILY),
    "days of somewhere": (
        DailyPartitionsDefinition("2026-01-01 06", "2026-02-01 06", 0, 6, "Europe/Lisbon", "%Y-%m-%d %H", 1),
        {
            "timeWindow": {
                "cron": "0 6 * * *",
                "start": "2026-01-01 06",
                "end": "2026-02-01 06",
                "timeZone": "Europe/Lisbon",
                "format": "%Y-%m-%d %H",
                "endOffset": 1,
            }
        },
    ),
    "hours": (
        HourlyPartitionsDefinition("2026-01-01-00:00"),
        {"timeWindow": {"cron": "0 * * * *", "start": "2026-01-01-00:00", "format": "%Y-%m-%d-%H:%M"}},
    ),
    "weeks": (
        WeeklyPartitionsDefinition("2026-01-05", day_offset=1),
        {"timeWindow": {"cron": "0 0 * * 1", "start": "2026-01-05"}},
    ),
    "months": (
        MonthlyPartitionsDefinition("2026-01", fmt="%Y-%m"),
        {"timeWindow": {"cron": "0 0 1 * *", "start": "2026-01", "format": "%Y-%m"}},
    ),
    "two dimensions": (
        MultiPartitionsDefinition({"region": EU, "date": DAYS}),
        {"multi": {"date": DAILY, "region": {"static": ["eu", "us"]}}},
    ),
}


@pytest.mark.parametrize(("cut", "written"), CUTS.values(), ids=CUTS)
def test_a_definition_says_in_a_manifest_what_it_says_in_python(
    cut: PartitionsDefinition, written: dict[str, Any]
) -> None:
    assert partitions_of(cut) == written
    accept(Partitions.model_validate(written))


def test_a_definition_of_ones_own_is_refused() -> None:
    class Moons(PartitionsDefinition):
        """Of the moon."""

    with pytest.raises(Uncompilable, match=r"partitions_def: a .*Moons cannot be compiled; use one of Upwell's own"):
        partitions_of(Moons())


Make = Callable[[Any], PartitionsDefinition]


def window(**other: Any) -> dict[str, Any]:
    return {"start": "2026-01-01", "fmt": "%Y-%m-%d", "cron_schedule": "0 0 * * *", **other}


def as_fields(given: dict[str, Any]) -> dict[str, Any]:
    names = {"cron_schedule": "cron", "fmt": "format", "timezone": "timeZone", "end_offset": "endOffset"}
    return {"timeWindow": {names.get(name, name): value for name, value in given.items()}}


KEYS = ["eu", "e u", "eu ", " eu", "", "eu|us", "x" * 120, "x" * 121, "a\nb", "é", "1"]
NAMES = ["region", "r", "Region", "1st", "a_1", "a-b", "", "x" * 63, "x" * 64, "a\n"]
WINDOWS = [
    window(),
    *(window(timezone=name) for name in ("Europe/Lisbon", "UTC", "Etc/GMT+1", "+1", "", "UTC\n", "Europe/")),
    *(window(fmt=form) for form in ("%Y-%m", "%y-%m-%d", "%Y-%m-%d\n", "", "%Y-%m-%d|", "%Y-%m-%d%", "%Y%Y-%m-%d")),
    window(fmt="%Y/%m/%d", start="2026/01/01"),
    window(fmt="%Y-%m-%d ", start="2026-01-01 "),
    window(fmt="%Y-%m-%d" + "." * 57, start="2026-01-01" + "." * 57),
    *(window(start=start) for start in ("2026-1-1", "1999-12-31", "soon", "", "2026-02-30")),
    *(window(end=end) for end in ("2026-01-02", "2026-01-01", "2025-01-01", "soon")),
    *(window(end_offset=offset) for offset in (1, -1000, 1001, "1", True)),
    *(window(cron_schedule=line) for line in ("@daily", " @daily ", "@reboot", "0 0 * *", "0 0 0 * * *", "0 0 * * ?")),
    *(window(cron_schedule=line) for line in ("0 6 * * *", "30 0 * * *", "0 0 1 1 *", "0 0 1 * *", "0 0 * * 1-5")),
    window(cron_schedule="0 0 1 * *", fmt="%Y-%m", start="2026-01"),
    window(cron_schedule="0 0 1 * 1", fmt="%Y-%m", start="2026-01"),
    window(cron_schedule="0 0 1 1 *", fmt="%Y", start="2026"),
]
BOTH: list[tuple[Callable[[], PartitionsDefinition], dict[str, Any]]] = [
    *((lambda key=key: StaticPartitionsDefinition([key]), {"static": [key]}) for key in KEYS),
    *(
        (lambda keys=keys: StaticPartitionsDefinition(keys), {"static": keys})
        for keys in ([], ["eu", "eu"], [str(n) for n in range(1000)], [str(n) for n in range(1001)])
    ),
    *((lambda given=given: TimeWindowPartitionsDefinition(**given), as_fields(given)) for given in WINDOWS),
    *(
        (
            lambda name=name: MultiPartitionsDefinition({name: EU, "z": DAYS}),
            {"multi": {name: {"dynamic": {}}, "z": DAILY}},
        )
        for name in NAMES
    ),
]


@pytest.mark.parametrize(("make", "written"), BOTH, ids=[str(written)[:60] for _, written in BOTH])
def test_python_refuses_what_a_manifest_is_refused_for_and_nothing_else(
    make: Callable[[], PartitionsDefinition], written: dict[str, Any]
) -> None:
    assert _works(make, PermanentError) is _works(
        lambda: accept(Partitions.model_validate(written)), ValidationError, Stalled
    )


def _works(make: Callable[[], object], *errors: type[Exception]) -> bool:
    try:
        make()
    except errors:
        return False
    return True
