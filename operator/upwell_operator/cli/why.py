"""`upwell why`: the verdict on an asset, the causes with their path, and what was last decided about it.

Of a Schedule: its ticks, and what became of each. An asset goes before a Schedule of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli import schedules
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import age, columns, emit, paint, utc_now

DECISION_HEAD = ("AGE", "DECISION", "REASON", "RUN", "MESSAGE")


async def explain(to: Connection, name: str, limit: int) -> None:
    """Print why an asset, or a Schedule, is as it is. Raises CommandError (not found)."""
    async with connect(to) as api:
        try:
            (asset,) = await of.find(api, to.namespace, [name])
        except CommandError as unknown:
            if unknown.code is not Code.NOT_FOUND or not (schedule := await schedules.find(api, to.namespace, name)):
                raise
            await _explain_schedule(to, api, schedule, limit)
        else:
            await _explain_asset(to, api, asset, limit)


async def _explain_asset(to: Connection, api: Api, asset: of.Object, limit: int) -> None:
    decisions = await api.pages(f"{of.path_of(asset)}/decisions", limit)
    data = {
        "asset": {"namespace": of.namespace_of(asset), "name": of.name_of(asset), "key": of.key_of(asset)},
        "conditions": of.status_of(asset).get("conditions", []),
        "staleCauses": of.status_of(asset).get("staleCauses", []),
        "decisions": decisions,
    }
    emit(to.output, data, lambda: report(asset, decisions, utc_now()))


async def _explain_schedule(to: Connection, api: Api, schedule: of.Object, limit: int) -> None:
    decisions = await api.pages(f"{schedules.path_of(schedule)}/decisions", limit)
    emit(to.output, schedules.words(schedule, decisions), lambda: schedule_report(schedule, decisions, utc_now()))


def schedule_report(schedule: of.Object, decisions: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Give the explanation's lines for a Schedule."""
    conditions = [condition_line(condition) for condition in of.status_of(schedule).get("conditions", [])]
    return [schedules.heading(schedule), "", *conditions, *schedules.ticks(schedule, now), *_decided(decisions, now)]


def report(asset: of.Object, decisions: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Give the explanation's lines."""
    name = f"{of.namespace_of(asset)}/{of.name_of(asset)}"
    return [
        f"{of.key_of(asset)} ({of.kind_of(asset)}, asset {name})",
        "",
        *[condition_line(condition) for condition in of.status_of(asset).get("conditions", [])],
        *causes(of.status_of(asset).get("staleCauses") or []),
        *_decided(decisions, now),
    ]


def _decided(decisions: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    table = columns(DECISION_HEAD, [decision_row(decision, now) for decision in decisions])
    return ["", *(["Decisions, the newest first:", *table] if table else ["No decision is recorded yet."])]


def condition_line(condition: Mapping[str, Any]) -> str:
    """Give one condition with its reason and message."""
    state = paint(str(condition["status"]))
    return f"{condition['type']}={state} {condition.get('reason', '')}: {condition.get('message', '')}".rstrip(": ")


def causes(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the causes, each with the path from the asset up to where it began."""
    lines = [f"  {number}. {cause_text(cause)}" for number, cause in enumerate(found, 1)]
    return ["", "Causes, the nearest first:", *lines] if lines else []


def cause_text(cause: Mapping[str, Any]) -> str:
    """Give one cause: reason, message and path."""
    path = " ← ".join(str(part) for part in cause.get("path") or [])
    return f"{cause.get('reason')}: {cause.get('message', '')}" + (f"  [{path}]" if path else "")


def decision_row(decision: Mapping[str, Any], now: datetime) -> tuple[object, ...]:
    """Give one decision's cells."""
    return (
        age(decision.get("time"), now),
        decision.get("decision"),
        decision.get("reason"),
        decision.get("run"),
        decision.get("message"),
    )
