"""When Dagster rebuilds an asset by itself, and how old it may become: `autoMaterialize` and `freshness`.

Limits: only Dagster's ready-made conditions have a counterpart. One that was changed is another condition, and what is
near to it is for its author to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster

from upwell_operator.authoring.dagster_import.leftovers import Leftovers
from upwell_operator.authoring.objects import Json
from upwell_operator.resources.asset import Policy
from upwell_operator.resources.duration import write

ALL_STALE = "Upwell every partition that is stale or missing"
BEGIN_LATER = "let spec.partitions.timeWindow.start begin later, where older windows are not to be built"
_NEAR = "give autoMaterialize {policy: Eager} or {policy: Cron, cron: …} in an overlay, if one of them is near enough"


def policy_of(node: Any, where: str, leftovers: Leftovers) -> Json | None:
    """Give `autoMaterialize` of an asset that Upwell builds."""
    condition = node.automation_condition
    if condition is None:
        return None
    older = dagster.AutoMaterializePolicy.eager().to_automation_condition()
    if condition in (dagster.AutomationCondition.eager(), older):
        return _eager(node, where, leftovers)
    if line := cron_of(condition):
        return _on_cron(node, where, leftovers, *line)
    words = condition.get_label() or condition.name
    leftovers.left_out(
        "automation condition",
        where,
        f"{words}: of Dagster's conditions, eager() and on_cron() as they come have a counterpart",
        _NEAR,
    )
    return None


def cron_of(condition: Any) -> tuple[str, str] | None:
    """Give the cron line and the time zone of an on_cron() as it comes; None for any other condition."""
    for cron, zone in _lines(condition) if condition is not None else ():
        if condition == dagster.AutomationCondition.on_cron(cron, zone):
            return cron, zone
    return None


def _eager(node: Any, where: str, leftovers: Leftovers) -> Json:
    if node.is_partitioned:
        leftovers.differs(
            "eager(), by partition",
            where,
            f"Dagster builds the newest window only, {ALL_STALE}",
            BEGIN_LATER,
        )
    return {"policy": Policy.EAGER.value}


def _on_cron(node: Any, where: str, leftovers: Leftovers, cron: str, zone: str) -> Json:
    leftovers.differs(
        "on_cron()",
        where,
        "Dagster waits after a tick until every input was updated; Upwell builds at the tick what is stale",
        "observe or build the inputs before the tick; a tick stays open until the asset is fresh",
    )
    if node.is_partitioned:
        leftovers.differs(
            "on_cron(), by partition", where, f"Dagster builds the newest window only, {ALL_STALE}", BEGIN_LATER
        )
    line = {"policy": Policy.CRON.value, "cron": cron}
    return line if zone == "UTC" else {**line, "timeZone": zone}


def _lines(condition: Any) -> Iterator[tuple[str, str]]:
    """Give the cron lines that a condition speaks of."""
    if hasattr(condition, "cron_schedule"):
        yield condition.cron_schedule, condition.cron_timezone
    for child in condition.children:
        yield from _lines(child)


def freshness_of(node: Any, where: str, cut: Json | None, leftovers: Leftovers) -> Json | None:
    """Give `freshness` of an asset that is cut like this."""
    found = _lag(node, where, leftovers)
    if found and cut and "timeWindow" in cut:
        leftovers.differs(
            "freshness policy, by partition",
            where,
            "Dagster asks how old the newest success is; Upwell asks of each window whether its data came in time",
            "set maximumLag to how long after the end of a window its data may take",
        )
    return found


def _lag(node: Any, where: str, leftovers: Leftovers) -> Json | None:
    legacy, policy = node.legacy_freshness_policy, node.freshness_policy
    if legacy is not None and not legacy.cron_schedule:
        return {"maximumLag": write(legacy.maximum_lag_delta)}
    if legacy is not None or (policy is not None and not hasattr(policy, "fail_window")):
        leftovers.left_out(
            "freshness policy with a cron line",
            where,
            "maximumLag is counted from the last success, not from a time of the day",
            "set freshness: {maximumLag: …} to what must hold at any time, such as 26h for what comes once a day",
        )
        return None
    return policy and _window(policy, where, leftovers)


def _window(policy: Any, where: str, leftovers: Leftovers) -> Json:
    if policy.warn_window is not None:
        leftovers.left_out(
            "warn_window of a freshness policy",
            where,
            "an asset is fresh or it is not",
            "alert on its age with a second threshold, from the metrics",
        )
    return {"maximumLag": write(policy.fail_window.to_timedelta())}
