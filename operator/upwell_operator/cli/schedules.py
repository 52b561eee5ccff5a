"""`upwell why` of a Schedule: its next ticks, what became of the last one, and what was decided about each.

Times are shown by the clock of the schedule's own zone, with its name, because that is how the line was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api
from upwell_operator.cli.output import age, span

PREFIX = "schedule/"
"""How a Schedule is named that has the name of an asset."""


async def find(api: Api, namespace: str, name: str) -> of.Object | None:
    """Give a Schedule, named as it is or as `schedule/NAME`; None if there is none."""
    wanted = name.removeprefix(PREFIX)
    found = await api.pages("/v1/schedules", namespace=namespace)
    return next((one for one in found if of.name_of(one) == wanted), None)


def path_of(schedule: of.Object) -> str:
    """Give the path of a Schedule in the HTTP API."""
    return f"/v1/schedules/{of.namespace_of(schedule)}/{of.name_of(schedule)}"


def heading(schedule: of.Object) -> str:
    """Say which Schedule this is, when it ticks and what it runs."""
    spec = schedule["spec"]
    lines = " and ".join(filter(None, (spec.get("schedule"), *spec.get("schedules", ()))))
    where = f"{of.namespace_of(schedule)}/{of.name_of(schedule)}"
    what = f"runs ObservationJob {spec['job']['name']}" if "job" in spec else _rebuilds(spec["materialize"])
    return f"{where} (Schedule: {lines} in {_zone(schedule)}, {what})"


def _rebuilds(target: Mapping[str, Any]) -> str:
    stale = "what is stale of " if target.get("onlyStale", True) else ""
    return f"materializes {stale}{target['selection']}"


def ticks(schedule: of.Object, now: datetime) -> list[str]:
    """Give a line for each tick that status knows of: those that come, and the last one."""
    status, zone = of.status_of(schedule), ZoneInfo(_zone(schedule))
    upcoming = status.get("upcoming") or []
    lines = [f"  {_local(tick, zone)}   in {_until(tick, now)}" for tick in upcoming]
    return [
        *(["", "Next ticks:", *lines] if lines else []),
        *_last(status, zone, now),
    ]


def _last(status: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> list[str]:
    tick, skipped, missed = status.get("lastScheduleTime"), status.get("lastSkipped") or {}, status.get("missedTicks")
    lines = []
    if tick:
        lines.append(f"Last tick:    {_local(tick, zone)}   {age(tick, now)} ago")
    if skipped:
        lines.append(f"Last skipped: {_local(skipped['tick'], zone)}   {skipped['reason']}")
    if missed:
        lines.append(f"Missed while Upwell was down: {missed}")
    return ["", *lines] if lines else []


def _zone(schedule: of.Object) -> str:
    return str(schedule["spec"].get("timeZone", "UTC"))


def _local(time: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(time).astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


def _until(time: str, now: datetime) -> str:
    return span((datetime.fromisoformat(time) - now).total_seconds())


def words(schedule: of.Object, decisions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give all of it as data."""
    status = of.status_of(schedule)
    return {
        "schedule": {"namespace": of.namespace_of(schedule), "name": of.name_of(schedule)},
        "conditions": status.get("conditions", []),
        "upcoming": status.get("upcoming", []),
        "lastScheduleTime": status.get("lastScheduleTime"),
        "lastSkipped": status.get("lastSkipped"),
        "decisions": decisions,
    }
