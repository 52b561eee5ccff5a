"""What the statuses of an ObservationJob and of a Schedule say.

The newest run of a job is counted from its Jobs while they exist; once it is over, its figures stay as they are, so
that pruning the Jobs does not change what has happened.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from upwell_operator.domain import firing
from upwell_operator.domain.actions import Planned
from upwell_operator.domain.conditions import merge, readiness, timestamp
from upwell_operator.domain.observing import chosen
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetId, ObservationJob, Outcome, Run
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Reason

Json = dict[str, Any]
NAMES_SHOWN = 50
REASONS_SHOWN = 10
REASON_CHARS = 200


def job_status(
    world: World, job: ObservationJob, previous: Json, planned: Planned, now: datetime, error: tuple[Reason, str] | None
) -> Json:
    """Give the whole status of an ObservationJob after its plan has been carried out."""
    last = _last_run(world, job, previous.get("lastRun"))
    succeeded = last["end"] if last and last["phase"] == "Succeeded" else previous.get("lastSuccessfulTime")
    names = [ref.name for ref in chosen(world, job)]
    status: Json = {
        "observedGeneration": job.generation,
        "conditions": merge(previous.get("conditions", ()), _ready(job.suspended, error), job.generation, now),
        "assets": {"count": len(names), "names": names[:NAMES_SHOWN]},
        "active": sorted({run.job_ref.name for run in world.runs.of_job(job.ref) if run.outcome is None})[:NAMES_SHOWN],
        "lastRun": last,
        "lastSuccessfulTime": succeeded,
        "lastHandledRequest": planned.handled_request or job.handled_request,
        "appliedGeneration": planned.handled_generation or job.applied_generation,
    }
    return {key: value for key, value in status.items() if value not in (None, [], {})}


def _last_run(world: World, job: ObservationJob, previous: Json | None) -> Json | None:
    """Count the newest run. A run that is over and already written keeps its figures."""
    groups: dict[str, list[Run]] = {}
    for run in world.runs.of_job(job.ref):
        groups.setdefault(run.job_run or "", []).append(run)
    if not groups:
        return previous
    name = max(groups, key=lambda one: (_begun(groups[one]), _fence(groups[one]), one))
    over = previous is not None and previous["name"] == name and previous["phase"] != "Active"
    older = previous is not None and previous["name"] not in groups and previous["start"] > _begun(groups[name])
    return previous if over or older else _counted(world, name, groups[name])


def _begun(runs: list[Run]) -> str:
    return min(timestamp(run.created_at) for run in runs if run.created_at)


def _fence(runs: list[Run]) -> int:
    """Give what tells runs of one second apart: times of Kubernetes know no more, and a later run has higher fences."""
    return max(run.fence for run in runs)


def _counted(world: World, name: str, runs: list[Run]) -> Json:
    outcomes = [run.outcome for run in runs]
    counts = {
        "changed": outcomes.count(Outcome.CHANGED),
        "unchanged": outcomes.count(Outcome.UNCHANGED),
        "failed": outcomes.count(Outcome.FAILED),
    }
    shown = {"name": name, "start": _begun(runs), "observed": counts["changed"] + counts["unchanged"], **counts}
    shown |= _failures(world, runs)
    if None in outcomes:
        return {**shown, "phase": "Active"}
    ends = [timestamp(run.ended_at) for run in runs if run.ended_at]
    return {**shown, "phase": "Failed" if counts["failed"] else "Succeeded", "end": max(ends, default=_begun(runs))}


def _failures(world: World, runs: list[Run]) -> Json:
    """Name the assets that failed, and say why, as far as an asset's last failure is of this run."""
    failed = sorted((run for run in runs if run.outcome is Outcome.FAILED), key=lambda run: run.asset)
    if not failed:
        return {}
    names = [run.asset.name for run in failed]
    more = [f"and {len(failed) - REASONS_SHOWN} more"] if len(failed) > REASONS_SHOWN else []
    said = "; ".join([_why(world, run) for run in failed[:REASONS_SHOWN]] + more)
    return {"failedAssets": names[:NAMES_SHOWN], "message": f"{len(failed)} of {len(runs)} failed: {said}"}


def _why(world: World, run: Run) -> str:
    failure = world.states.get(AssetId(run.ref.namespace, run.asset_key), UNKNOWN_STATE).failure
    words = failure.message if failure and failure.run == run.ref.name else run.message
    return f"{run.asset.name}: {words[:REASON_CHARS]}" if words else run.asset.name


def schedule_status(
    world: World, schedule: Schedule, previous: Json, planned: Planned, now: datetime, error: tuple[Reason, str] | None
) -> Json:
    """Give the whole status of a Schedule; `schedule` is the activated one (see `scheduling.activated`)."""
    skipped, missed = planned.skipped, planned.missed
    status: Json = {
        **{key: previous.get(key) for key in ("missedTicks", "lastMissedTime", "lastSkipped", "lastScheduleTime")},
        "observedGeneration": schedule.generation,
        "conditions": merge(
            previous.get("conditions", ()), _ready(schedule.suspended, error), schedule.generation, now
        ),
        "nextScheduleTime": next(map(timestamp, planned.upcoming), None),
        "upcoming": [timestamp(tick) for tick in planned.upcoming],
        "currentTick": _current(schedule, planned, error),
        "activeSince": timestamp(schedule.active_since) if schedule.active_since else None,
        "suspendedSince": timestamp(schedule.suspended_since) if schedule.suspended_since else None,
        "observedSchedule": schedule.observed_schedule,
        **_runs(world, schedule, previous),
    }
    if planned.tick:
        status["lastScheduleTime"] = timestamp(planned.tick)
    if skipped:
        status["lastSkipped"] = {"tick": timestamp(skipped.tick), "reason": skipped.reason}
    if missed:
        status["missedTicks"] = previous.get("missedTicks", 0) + missed
        status["lastMissedTime"] = timestamp(now)
    return {key: value for key, value in status.items() if value not in (None, [], {})}


def _runs(world: World, schedule: Schedule, previous: Json) -> Json:
    runs = firing.runs_of(world, schedule)
    active = sorted({one for run in runs if run.outcome is None and (one := _group(run))})[:NAMES_SHOWN]
    failed = {_group(run) for run in runs if run.outcome is Outcome.FAILED}
    ended = [
        timestamp(run.ended_at)
        for run in runs
        if run.outcome and run.ended_at and _group(run) not in {*failed, *active}
    ]
    return {"active": active, "lastSuccessfulTime": max(ended, default=previous.get("lastSuccessfulTime"))}


def _current(schedule: Schedule, planned: Planned, error: tuple[Reason, str] | None) -> str | None:
    """Name the tick that goes on; what could not be planned has not come to its end."""
    current = schedule.current if error else planned.current
    return timestamp(current) if current else None


def _group(run: Run) -> str:
    """Name what a run is a part of; one that materializes stands for itself."""
    return run.job_run or run.ref.name


def _ready(suspended: bool, error: tuple[Reason, str] | None) -> list[Any]:
    if error is not None:
        return readiness(*error)
    if suspended:
        return readiness(Reason.SUSPENDED, "suspended: nothing is started", status="True")
    return readiness(Reason.READY, "the spec is accepted", status="True")
