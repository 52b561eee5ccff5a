"""What a tick does: it runs an ObservationJob, or materializes a selection of assets.

Both have one identity for one tick, so that firing twice is firing once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from upwell_operator.domain import rebuilding
from upwell_operator.domain.actions import EndRun, Planned
from upwell_operator.domain.concurrency import begun, between_ticks, ending, endings, giving_way, held_back
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.identity import job_run
from upwell_operator.domain.observing import job_starts
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.snapshot import ObservationJob, Ref, Run
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason


def check(world: World, schedule: Schedule) -> None:
    """Raise Stalled if there is nothing that the schedule could run."""
    if schedule.rebuild:
        rebuilding.chosen(world, schedule, schedule.rebuild)
    else:
        _job(world, schedule)


def held(world: World, schedule: Schedule, tick: datetime) -> tuple[Why, str] | None:
    """Give what holds a tick back: what it would run is suspended, or an earlier run is not over.

    Both policies hold: that of the job between all of its runs, and the schedule's own between its ticks.
    """
    earlier = _earlier(world, schedule, tick)
    if schedule.rebuild:
        return between_ticks(schedule, earlier)
    job = _job(world, schedule)
    if begun(world, job, _run(job, schedule, tick)):
        return None
    return held_back(world, job, giving_way(schedule, earlier)) or between_ticks(schedule, earlier)


def fire(world: World, schedule: Schedule, tick: datetime, now: datetime) -> Planned:
    """Answer a tick; whatever it replaces is ended before. Raises Stalled if it cannot be."""
    ends = endings(schedule, giving_way(schedule, _earlier(world, schedule, tick)), tick.isoformat())
    if schedule.rebuild:
        planned = rebuilding.begin(world, schedule, schedule.rebuild, tick, now)
        return replace(planned, actions=ends)
    job = _job(world, schedule)
    run = _run(job, schedule, tick)
    starts = job_starts(world, job, run, f"schedule {schedule.ref.name}, tick {tick.isoformat()}", now)
    ended = {run.ref for one in starts if isinstance(one, EndRun) for run in one.runs}
    actions = (*(one for one in ends if not ended.issuperset(run.ref for run in one.runs)), *starts)
    why = decide(schedule, Verb.RUN, Why.DUE, f"tick {tick.isoformat()}{ending(actions)}", now, run)
    return Planned(actions, (why,), job_run=run, tick=tick)


def runs_of(world: World, schedule: Schedule) -> list[Run]:
    """Give the runs that a schedule has started and whose Jobs exist."""
    if schedule.rebuild:
        return rebuilding.runs_of(world, schedule, schedule.rebuild)
    job, mine = Ref(schedule.ref.namespace, schedule.job or ""), f": schedule {schedule.ref.name}, tick "
    return [run for run in world.runs.of_job(job) if mine in run.trigger.detail]


def _earlier(world: World, schedule: Schedule, tick: datetime) -> list[Run]:
    """Give the runs of other ticks that are not over. Never those of the tick itself, however often it is looked at."""
    own = f"tick {tick.isoformat()}"
    return [run for run in runs_of(world, schedule) if run.outcome is None and not run.trigger.detail.endswith(own)]


def go_on(world: World, schedule: Schedule, now: datetime) -> Planned:
    """Go on with the tick that has begun, if something of it has waited. Raises Stalled."""
    if schedule.rebuild and schedule.current:
        return rebuilding.go_on(world, schedule, schedule.rebuild, schedule.current, now)
    return Planned()


def decide(
    schedule: Schedule, verb: Verb, reason: Why, message: str, now: datetime, run: str | None = None
) -> Decision:
    """Give the record of a decision about a Schedule."""
    return Decision(Kind.SCHEDULE, schedule.ref, verb, reason.value, message, now, run=run)


def _job(world: World, schedule: Schedule) -> ObservationJob:
    job = world.jobs.get(Ref(schedule.ref.namespace, schedule.job or ""))
    if job is None:
        where = f'no ObservationJob "{schedule.job}" in namespace {schedule.ref.namespace}'
        raise Stalled(Reason.JOB_NOT_FOUND, f"spec.job.name: {where}; apply it, or mend the name")
    return job


def _run(job: ObservationJob, schedule: Schedule, tick: datetime) -> str:
    return job_run(job.uid, "tick", schedule.uid, tick.isoformat())
