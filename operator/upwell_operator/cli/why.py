"""`upwell why`: the verdict on an asset, the causes with their path, and what was last decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import connect
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import age, columns, emit, paint, utc_now

DECISION_HEAD = ("AGE", "DECISION", "REASON", "RUN", "MESSAGE")


async def explain(to: Connection, name: str, limit: int) -> None:
    """Print why an asset is as it is."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        decisions = await api.pages(f"{of.path_of(asset)}/decisions", limit)
    data = {
        "asset": {"namespace": of.namespace_of(asset), "name": of.name_of(asset), "key": of.key_of(asset)},
        "conditions": of.status_of(asset).get("conditions", []),
        "staleCauses": of.status_of(asset).get("staleCauses", []),
        "decisions": decisions,
    }
    emit(to.output, data, lambda: report(asset, decisions, utc_now()))


def report(asset: of.Object, decisions: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Give the explanation's lines."""
    name = f"{of.namespace_of(asset)}/{of.name_of(asset)}"
    table = columns(DECISION_HEAD, [decision_row(decision, now) for decision in decisions])
    return [
        f"{of.key_of(asset)} ({of.kind_of(asset)}, asset {name})",
        "",
        *[condition_line(condition) for condition in of.status_of(asset).get("conditions", [])],
        *causes(of.status_of(asset).get("staleCauses") or []),
        "",
        *(["Decisions, the newest first:", *table] if table else ["No decision is recorded yet."]),
    ]


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
