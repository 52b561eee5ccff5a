"""When a Schedule fires: its newest tick is due, its job can run, and nobody said no.

A tick has one identity, (schedule, scheduled time), so a tick that was half done before a crash is done again to the
same names. After downtime the newest missed tick fires and the older ones are counted; after a resume, or when the line
has changed, nothing old fires: `active_since` says from when ticks count (argo-workflows#4445, kestra#14349).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from upwell_operator.domain import ticks
from upwell_operator.domain.actions import Planned, Skipped
from upwell_operator.domain.clocks import DEFAULT
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.identity import job_run
from upwell_operator.domain.observing import held_back, job_starts
from upwell_operator.domain.snapshot import Ref, Schedule
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason


def activated(schedule: Schedule, now: datetime) -> Schedule:
    """Give the schedule with `active_since` brought up to date; level-triggered, from what status remembers.

    A first sight counts from creation, so that a tick between `kubectl apply` and the operator's start is not lost.
    """
    wanted = "" if schedule.suspended else _ticking(schedule)
    if wanted == schedule.observed_schedule and schedule.active_since:
        return schedule
    never_seen = schedule.active_since is None and not schedule.suspended
    since = schedule.created_at if never_seen and schedule.created_at else now
    return replace(schedule, active_since=since, observed_schedule=wanted)


def _ticking(schedule: Schedule) -> str:
    """Give in words what decides when the schedule ticks."""
    dst = () if schedule.dst == DEFAULT else schedule.dst
    return " ".join(("; ".join(schedule.lines), schedule.time_zone, *dst))


def plan_schedule(world: World, schedule: Schedule, now: datetime) -> Planned:
    """Decide about one Schedule. Raises Stalled for a line, zone or job that cannot work."""
    schedule = activated(schedule, now)
    ticks.check(schedule.lines, schedule.time_zone)
    if schedule.suspended:
        return Planned(decisions=(_decide(schedule, Verb.NO_RUN, Why.SUSPENDED, "spec.suspend is true", now),))
    wake = ticks.following(schedule.lines, schedule.time_zone, now, dst=schedule.dst)
    if Ref(schedule.ref.namespace, schedule.job) not in world.jobs:
        where = f'no ObservationJob "{schedule.job}" in namespace {schedule.ref.namespace}'
        message = f"spec.job.name: {where}; apply it, or mend the name"
        raise Stalled(Reason.JOB_NOT_FOUND, message)
    since = max(filter(None, (schedule.last_tick, schedule.active_since)))
    due = ticks.due(schedule.lines, schedule.time_zone, since, now, dst=schedule.dst)
    if due is None:
        return Planned(wake=wake)
    return replace(_fire(world, schedule, due.tick, now), wake=wake, tick=due.tick, missed=due.missed)


def _fire(world: World, schedule: Schedule, tick: datetime, now: datetime) -> Planned:
    job = world.jobs[Ref(schedule.ref.namespace, schedule.job)]
    run = job_run(job.uid, "tick", schedule.uid, tick.isoformat())
    mine = any(one.job_run == run for one in world.runs.of_job(job.ref))
    held = None if mine else held_back(world, job)
    refusal = _late(schedule, tick, now) or held
    if refusal:
        return _skip(schedule, tick, refusal[0], refusal[1], now)
    try:
        starts = job_starts(world, job, run, f"schedule {schedule.ref.name}, tick {tick.isoformat()}")
    except Stalled as error:
        return _skip(schedule, tick, Why.JOB_NOT_READY, str(error), now)
    return Planned(starts, (_decide(schedule, Verb.RUN, Why.DUE, f"tick {tick.isoformat()}", now, run),), job_run=run)


def _late(schedule: Schedule, tick: datetime, now: datetime) -> tuple[Why, str] | None:
    limit = schedule.starting_deadline
    if limit is not None and now - tick > limit:
        seconds = int((now - tick).total_seconds())
        return Why.DEADLINE, f"{seconds} s late, later than spec.startingDeadlineSeconds allows"
    return None


def _skip(schedule: Schedule, tick: datetime, reason: Why, message: str, now: datetime) -> Planned:
    why = _decide(schedule, Verb.NO_RUN, reason, f"tick {tick.isoformat()} skipped: {message}", now)
    return Planned(decisions=(why,), skipped=Skipped(tick, reason.value))


def _decide(
    schedule: Schedule, verb: Verb, reason: Why, message: str, now: datetime, run: str | None = None
) -> Decision:
    return Decision(Kind.SCHEDULE, schedule.ref, verb, reason.value, message, now, run=run)
