"""Schedules as decisions see them: frozen and small, with what status remembers between two lives of the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from upwell_operator.domain.clocks import DEFAULT, Dst
from upwell_operator.domain.snapshot import ConcurrencyPolicy, Ref
from upwell_operator.resources.schedule import MakeUp
from upwell_operator.resources.selection import Selection


class Rebuild(NamedTuple):
    """What a Schedule materializes: assets of its own namespace, all of them or the stale ones."""

    selection: Selection
    only_stale: bool = True


class MissedRuns(NamedTuple):
    """Which ticks are made up for: after downtime, after a suspension, and how many if all are."""

    policy: MakeUp = MakeUp.LAST
    on_resume: MakeUp = MakeUp.NONE
    most: int = 10


NEWEST_ONLY = MissedRuns()
"""What a Schedule does that says nothing about it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One accepted Schedule, with what its status remembers between two lives of the operator."""

    ref: Ref
    uid: str
    lines: tuple[str, ...]
    job: str | None
    """What it runs: an ObservationJob, or else `rebuild`."""
    rebuild: Rebuild | None = None
    time_zone: str = "UTC"
    dst: Dst = DEFAULT
    generation: int = 1
    suspended: bool = False
    starting_deadline: timedelta | None = None
    missed_runs: MissedRuns = NEWEST_ONLY
    concurrency: ConcurrencyPolicy = ConcurrencyPolicy.FORBID
    """What a tick does while a run of an earlier tick of this schedule goes on."""
    jitter: timedelta = timedelta()
    """How long after its ticks it may fire; the delay itself follows from the uid."""
    last_tick: datetime | None = None
    current: datetime | None = None
    """The tick of which some assets still wait to be materialized."""
    active_since: datetime | None = None
    """Ticks count from here: creation, the last resume or change of a line; while suspended, since when it is."""
    suspended_since: datetime | None = None
    """When the suspension began that ended at `active_since`, if that was one."""
    observed_schedule: str = ""
    """The lines and the zone that `active_since` belongs to; empty while suspended."""
    created_at: datetime | None = None
