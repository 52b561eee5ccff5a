"""Conditions as Kubernetes writes them, and statuses that are patched only where they differ.

Rules: the API conventions' "typical status properties" (one entry a type; `lastTransitionTime` moves with the status
and with nothing else) and kstatus (`Stalled` is present only while True). A status that would say the same is no patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upwell_operator.resources.meta import ConditionType, Reason

Json = dict[str, Any]
MESSAGE_CHARS = 1024
HUMAN_MUST_ACT = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.KEY_CONFLICT,
        Reason.DEPENDENCY_CYCLE,
        Reason.DEPENDENCY_NOT_EXPORTED,
        Reason.PARTITIONS_DO_NOT_FIT,
        Reason.MIXED_SELECTION,
        Reason.NOTHING_SELECTED,
        Reason.INVALID_POD_TEMPLATE,
        Reason.RUN_FAILED,
    }
)
"""Reasons of Ready=False that no waiting mends; a missing object may still be applied."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition that shall be shown."""

    type: ConditionType
    status: str
    reason: str
    message: str = ""


def readiness(reason: Reason, message: str, *, status: str = "False") -> list[Condition]:
    """Give `Ready`, and `Stalled` beside it where a person must act."""
    ready = Condition(ConditionType.READY, status, reason.value, message)
    if status == "False" and reason in HUMAN_MUST_ACT:
        return [ready, Condition(ConditionType.STALLED, "True", reason.value, message)]
    return [ready]


def merge(previous: Sequence[Json], wanted: Sequence[Condition], generation: int, now: datetime) -> list[Json]:
    """Give the list as it shall be written: the wanted types only, with the transition times that are still true."""
    before = {one.get("type"): one for one in previous}
    return [_merged(before.get(one.type.value), one, generation, now) for one in wanted]


def _merged(before: Json | None, wanted: Condition, generation: int, now: datetime) -> Json:
    same = before is not None and before.get("status") == wanted.status and "lastTransitionTime" in before
    return {
        "type": wanted.type.value,
        "status": wanted.status,
        "reason": wanted.reason,
        "message": wanted.message[:MESSAGE_CHARS],
        "lastTransitionTime": before["lastTransitionTime"] if same and before else timestamp(now),
        "observedGeneration": generation,
    }


def timestamp(time: datetime) -> str:
    """Write a time as Kubernetes does, in whole seconds."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def difference(previous: Json, wanted: Json) -> Json:
    """Give the merge patch from one status to the other: what differs, and None for what is to go. Empty if equal."""
    gone: Json = {key: None for key in previous if key not in wanted}
    return gone | {key: _deep(previous.get(key), value) for key, value in wanted.items() if previous.get(key) != value}


def _deep(previous: Any, wanted: Any) -> Any:
    """A merge patch of a map keeps the entries it does not name, so those that are to go must be named."""
    return difference(previous, wanted) if isinstance(previous, dict) and isinstance(wanted, dict) else wanted
