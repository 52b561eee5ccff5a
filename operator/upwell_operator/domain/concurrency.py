"""What the runs of one ObservationJob, or of one Schedule, do to each other: who waits, who is ended, who is kept.

What counts is what was decided, not which pods are seen: a run whose Jobs are being made goes on as well as one that
looks. A run is never ended by itself, however often its tick or request is looked at; and a Job that is over keeps its
result: only what still looks is ended.
"""

from __future__ import annotations

from collections.abc import Collection

from upwell_operator.domain.actions import Action, EndRun, PruneRun
from upwell_operator.domain.decisions import Why
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.snapshot import ConcurrencyPolicy, ObservationJob, Outcome, Ref, Run, RunPhase
from upwell_operator.domain.world import World


def begun(world: World, job: ObservationJob, run: str) -> bool:
    """Say whether a run has begun: an earlier pass did not get to its end."""
    return any(one.job_run == run for one in world.runs.of_job(job.ref))


def held_back(world: World, job: ObservationJob, giving_way: Collection[Run] = ()) -> tuple[Why, str] | None:
    """Give what holds a run of this job back: it is suspended, or another run is not over and does not give way.

    With Replace only a run that begins at this very moment does: of two that come together, none ends the other.
    """
    if job.suspended:
        return Why.SUSPENDED, "spec.suspend is true"
    if job.concurrency is ConcurrencyPolicy.ALLOW:
        return None
    starting = sorted(world.starting.get(job.ref, ()))
    if starting:
        return Why.FORBIDDEN, f"run {starting[0]} begins at this moment"
    running = [run for run in _going_on(world, job) if run not in giving_way]
    if running and job.concurrency is ConcurrencyPolicy.FORBID:
        return Why.FORBIDDEN, f"run {running[0].job_run} is not over yet"
    return None


def between_ticks(schedule: Schedule, earlier: Collection[Run]) -> tuple[Why, str] | None:
    """Give what a Schedule's own policy holds a tick back for: the runs of its earlier ticks that are not over."""
    if not earlier or schedule.concurrency is not ConcurrencyPolicy.FORBID:
        return None
    names = sorted(run.job_run or run.ref.name for run in earlier)
    return Why.FORBIDDEN, f"run {names[0]} of an earlier tick is not over yet"


def giving_way(schedule: Schedule, earlier: Collection[Run]) -> list[Run]:
    """Give the runs of earlier ticks that the next one replaces."""
    return [*earlier] if schedule.concurrency is ConcurrencyPolicy.REPLACE else []


def endings(schedule: Schedule, runs: Collection[Run], tick: str) -> tuple[EndRun, ...]:
    """Give what ends these runs for a tick; one that is over keeps its result."""
    message = f"replaced by tick {tick} of schedule {schedule.ref.name} (concurrencyPolicy Replace)"
    return _ends(runs, message)


def replaced(world: World, job: ObservationJob, run: str) -> tuple[EndRun, ...]:
    """Give what a run that begins now ends: with Replace, whatever of other runs still looks."""
    if job.concurrency is not ConcurrencyPolicy.REPLACE or begun(world, job, run):
        return ()
    return _ends(_going_on(world, job), f"replaced by run {run} of {job.ref.name} (concurrencyPolicy Replace)")


def _ends(runs: Collection[Run], message: str) -> tuple[EndRun, ...]:
    """End what is not over, one Job at a time."""
    open_ones = [run for run in runs if run.phase is RunPhase.ACTIVE]
    return tuple(EndRun(tuple(members), message) for members in _by_job(open_ones).values())


def ending(actions: tuple[Action, ...]) -> str:
    """Say which runs these actions end, as the end of a sentence; nothing if they end none."""
    ended = sorted({run.job_run or run.ref.name for one in actions if isinstance(one, EndRun) for run in one.runs})
    return f"; ends run {', '.join(ended)} (concurrencyPolicy Replace)" if ended else ""


def prunes(world: World, job: ObservationJob) -> tuple[PruneRun, ...]:
    """Give the Jobs of runs beyond the history limits: whole runs, all of whose results are recorded.

    What failed goes last, so that a run that is half gone still counts as failed.
    """
    runs: dict[str, list[Run]] = {}
    for run in world.runs.of_job(job.ref):
        runs.setdefault(run.job_run or "", []).append(run)
    over = [members for members in runs.values() if all(run.outcome for run in members)]
    over.sort(key=lambda members: min(str(run.created_at) for run in members))
    failed = [members for members in over if any(map(_failed, members))]
    succeeded = [members for members in over if members not in failed]
    surplus = [*_oldest(succeeded, job.successful_runs), *_oldest(failed, job.failed_runs)]
    doomed = [run for members in surplus for run in sorted(members, key=_failed)]
    return tuple(PruneRun(runs[0]) for runs in _by_job(doomed).values())


def _going_on(world: World, job: ObservationJob) -> list[Run]:
    return [run for run in world.runs.of_job(job.ref) if run.outcome is None]


def _by_job(runs: list[Run]) -> dict[Ref, list[Run]]:
    """Put together what shares a Job."""
    jobs: dict[Ref, list[Run]] = {}
    for run in runs:
        jobs.setdefault(run.job_ref, []).append(run)
    return jobs


def _failed(run: Run) -> bool:
    return run.outcome is Outcome.FAILED


def _oldest(runs: list[list[Run]], kept: int) -> list[list[Run]]:
    return runs[: max(0, len(runs) - kept)]
