"""When a Schedule fires: which tick is to be answered next, its job can run, and nobody said no.

A tick has one identity, (schedule, scheduled time), so a tick that was half done before a crash is done again to the
same names. Ticks that have passed form at most two rows, each with its own rule: those of the last suspension
(`onResume`; argo-workflows#4445, kestra#14349), and those since (`missedRuns.policy`). One tick is answered at a time,
the oldest that the rules want, and the rest is looked at anew after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from upwell_operator.domain import firing, ticks
from upwell_operator.domain.actions import Planned, Skipped
from upwell_operator.domain.clocks import DEFAULT
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.firing import decide
from upwell_operator.domain.identity import delay
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.schedule import MakeUp

SHOWN = 5
"""Ticks to come that status shows."""
IN_TIME = timedelta(minutes=1)
"""A tick that is answered within this was not missed: a standby may have had to take over."""


def activated(schedule: Schedule, now: datetime) -> Schedule:
    """Give the schedule with `active_since` brought up to date; level-triggered, from what status remembers.

    A first sight counts from creation, so that a tick between `kubectl apply` and the operator's start is not lost.
    """
    wanted = "" if schedule.suspended else _ticking(schedule)
    if wanted == schedule.observed_schedule and schedule.active_since:
        return schedule
    never_seen = schedule.active_since is None and not schedule.suspended
    since = schedule.created_at if never_seen and schedule.created_at else now
    was_suspended = bool(wanted) and not schedule.observed_schedule
    paused = schedule.active_since if was_suspended else None
    return replace(schedule, active_since=since, suspended_since=paused, observed_schedule=wanted)


def _ticking(schedule: Schedule) -> str:
    """Give in words what decides when the schedule ticks."""
    dst = () if schedule.dst == DEFAULT else schedule.dst
    return " ".join(("; ".join(schedule.lines), schedule.time_zone, *dst))


def plan_schedule(world: World, schedule: Schedule, now: datetime) -> Planned:
    """Decide about one Schedule. Raises Stalled for a line, zone or job that cannot work."""
    schedule = activated(schedule, now)
    ticks.check(schedule.lines, schedule.time_zone)
    if schedule.suspended:
        why = decide(schedule, Verb.NO_RUN, Why.SUSPENDED, "spec.suspend is true", now)
        return Planned(decisions=(why,), current=schedule.current)
    late = delay(schedule.uid, schedule.jitter)
    row = ticks.row(schedule.lines, schedule.time_zone, now - late, dst=schedule.dst)
    upcoming = tuple(islice(row, SHOWN))
    firing.check(world, schedule)
    going = firing.go_on(world, schedule, now)
    owed = _owed(schedule, now - late)
    planned = _both(going, _answer(world, schedule, owed, now) if owed else Planned())
    at_once = owed is not None and owed.more and planned.tick is not None
    wake = now if at_once else next((tick + late for tick in upcoming), None)
    return replace(planned, wake=wake, upcoming=upcoming)


def _both(going: Planned, answer: Planned) -> Planned:
    """Give what goes on with the current tick together with the answer to the next one, which may take its place."""
    decisions = (*going.decisions, *answer.decisions)
    if answer.tick and not answer.skipped:
        return replace(answer, decisions=decisions)
    return replace(answer, decisions=decisions, current=going.current, wanted=going.wanted)


@dataclass(frozen=True, slots=True)
class _Owed:
    """The tick to answer next, and the rule of the row that it is in."""

    due: ticks.Due
    rule: MakeUp
    late: timedelta
    """How late it is, beside the jitter."""
    suspended: bool = False
    """It passed while the schedule was suspended."""

    @property
    def tick(self) -> datetime:
        return self.due.tick

    @property
    def in_time(self) -> bool:
        """Say whether it needs no making up for."""
        return not self.suspended and self.late <= IN_TIME

    @property
    def more(self) -> bool:
        """Say whether newer ones may be due as well."""
        return self.suspended or self.due.newer > 0


def _owed(schedule: Schedule, now: datetime) -> _Owed | None:
    """Give the tick that is to be answered next. The row of a suspension comes before the row since then."""
    missed, active = schedule.missed_runs, schedule.active_since or now
    if schedule.suspended_since:
        due = _due(schedule, missed.on_resume, schedule.suspended_since, min(active, now))
        if due:
            return _Owed(due, missed.on_resume, now - due.tick, suspended=True)
    due = _due(schedule, missed.policy, active, now)
    return _Owed(due, missed.policy, now - due.tick) if due else None


def _due(schedule: Schedule, rule: MakeUp, since: datetime, until: datetime) -> ticks.Due | None:
    after = max(since, schedule.last_tick) if schedule.last_tick else since
    most = schedule.missed_runs.most if rule is MakeUp.ALL else 1
    return ticks.due(schedule.lines, schedule.time_zone, after, until, dst=schedule.dst, most=most)


def _answer(world: World, schedule: Schedule, owed: _Owed, now: datetime) -> Planned:
    unwanted = _unwanted(owed)
    planned = _skip(schedule, owed.tick, *unwanted, now) if unwanted else _fire(world, schedule, owed, now)
    if planned.tick is None or owed.suspended:
        return planned
    return replace(planned, missed=owed.due.older + (1 if unwanted else 0))


def _unwanted(owed: _Owed) -> tuple[Why, str] | None:
    """Give why a tick is not made up for, if it is one that had to be."""
    if owed.rule is not MakeUp.NONE:
        return None
    before = f", and {owed.due.older} before it" if owed.due.older else ""
    if owed.suspended:
        return Why.SUSPENDED, f"spec.suspend was true, and spec.missedRuns.onResume is None{before}"
    if owed.in_time:
        return None
    return Why.MISSED, f"{_seconds(owed.late)} s late, and spec.missedRuns.policy is None{before}"


def _fire(world: World, schedule: Schedule, owed: _Owed, now: datetime) -> Planned:
    tick, held = owed.tick, firing.held(world, schedule, owed.tick)
    too_late = _too_late(schedule, owed.late)
    if held and not too_late and _waits(owed, held[0]):
        message = f"tick {tick.isoformat()}, one of several that are made up for: {held[1]}"
        return Planned(decisions=(decide(schedule, Verb.WAIT, held[0], message, now),))
    refusal = too_late or held
    if refusal:
        return _skip(schedule, tick, refusal[0], refusal[1], now)
    try:
        return firing.fire(world, schedule, tick, now)
    except Stalled as error:
        return _skip(schedule, tick, Why.JOB_NOT_READY, str(error), now)


def _waits(owed: _Owed, held: Why) -> bool:
    """Say whether a tick waits for the run before it, instead of being skipped: then `All` would mean the first."""
    return owed.rule is MakeUp.ALL and held is Why.FORBIDDEN and not owed.in_time


def _too_late(schedule: Schedule, late: timedelta) -> tuple[Why, str] | None:
    limit = schedule.starting_deadline
    if limit is not None and late > limit:
        return Why.DEADLINE, f"{_seconds(late)} s late, later than spec.startingDeadlineSeconds allows"
    return None


def _skip(schedule: Schedule, tick: datetime, reason: Why, message: str, now: datetime) -> Planned:
    why = decide(schedule, Verb.NO_RUN, reason, f"tick {tick.isoformat()} skipped: {message}", now)
    return Planned(decisions=(why,), tick=tick, skipped=Skipped(tick, reason.value))


def _seconds(late: timedelta) -> int:
    return int(late.total_seconds())
