"""A Schedule: when an ObservationJob runs by itself, or assets are materialized. CronJob's vocabulary.

Limits: the form of a cron line and of a time zone's name is checked here, so that an API server can refuse a slip;
whether the line ever fires and the zone exists is for `domain.ticks` to say.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from upwell_operator.resources.condition import Resource, Status
from upwell_operator.resources.model import Bool, Int, Model, Name, Rule, Text
from upwell_operator.resources.observation_job import ConcurrencyPolicy
from upwell_operator.resources.selection_text import SelectionText

_SHORTHAND = "@(hourly|daily|midnight|weekly|monthly|yearly|annually)"
_FIELD = r"[0-9A-Za-z*/,#-]+"
CronLine = Annotated[
    str,
    Text(
        'a cron line is five fields (minute, hour, day, month, weekday) such as "0 6 * * *", six with the seconds '
        "before them, or @hourly, @daily, @weekly, @monthly, @yearly",
        rf"^[ \t]*({_SHORTHAND}|{_FIELD}([ \t]+{_FIELD}){{4,5}})[ \t]*$",
        128,
    ),
]
ZoneName = Annotated[
    str,
    Text(
        "a time zone is an IANA name such as Europe/Lisbon or UTC",
        r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        64,
    ),
]


class JobRef(Model):
    """The ObservationJob to run."""

    name: Name = Field(description="Name of an ObservationJob of this namespace, for example `raw-sources`.")


class MaterializeSelected(Model):
    """What to materialize."""

    selection: SelectionText = Field(
        description='Assets of this namespace, looked up anew at each tick, for example `"group:marts"`. What has no '
        "`materialize` is left out.",
    )
    only_stale: Bool = Field(
        default=True, description="Materialize only what this mends; with `false`, everything that is selected."
    )


class Repeated(StrEnum):
    """Which of two equal local times is meant, when the clock is set back."""

    FIRST = "First"
    SECOND = "Second"
    BOTH = "Both"


class Skipped(StrEnum):
    """What becomes of a local time that does not exist, because the clock is set forward."""

    RUN_AFTER = "RunAfter"
    SKIP = "Skip"


class ChangeOfClocks(Model):
    """What a fixed local time comes to where a zone changes its clocks."""

    repeated: Repeated = Field(
        Repeated.FIRST,
        description="A local time that happens twice runs on the `First`, on the `Second`, or on `Both`.",
    )
    skipped: Skipped = Field(
        Skipped.RUN_AFTER,
        description="A local time that does not exist runs right after the gap (`RunAfter`), or not at all (`Skip`).",
    )


class MakeUp(StrEnum):
    """Which of the ticks that have passed are made up for."""

    NONE = "None"
    LAST = "Last"
    ALL = "All"


class MissedRuns(Model):
    """Which ticks are made up for. Those that are not are recorded with the reason."""

    policy: MakeUp = Field(
        MakeUp.LAST,
        description="For ticks that passed while Upwell was down: `None`, the `Last`, or `All`, the oldest first and "
        "one after the other. A tick that is answered within a minute was not missed.",
    )
    on_resume: MakeUp = Field(MakeUp.NONE, description="The same for ticks that passed while `suspend` was true.")
    max: Int = Field(10, ge=1, le=100, description="`All` means the newest so many; older ones are counted.")


class ScheduleSpec(Model):
    """When to run, and what."""

    rules: ClassVar = (
        Rule(
            "say once when: give a cron line in schedule, or several in schedules",
            cel="has(self.schedule) != has(self.schedules)",
            holds=lambda spec: bool(spec.schedule) != bool(spec.schedules),
        ),
        Rule(
            "say once what: give an ObservationJob in job, or a selection of assets in materialize",
            cel="has(self.job) != has(self.materialize)",
            holds=lambda spec: bool(spec.job) != bool(spec.materialize),
        ),
    )

    schedule: CronLine | None = Field(
        None,
        description='When: a cron line of five fields, for example `"0 6 * * *"` for six in the morning, of six with '
        "the seconds before them, or `@daily`.",
    )
    schedules: tuple[CronLine, ...] = Field(
        (),
        min_length=1,
        max_length=32,
        description='When, in several lines, for example `["0 6 * * 1-5", "0 9 * * 6,0"]`. A minute that two of them '
        "name is one tick.",
    )
    time_zone: ZoneName = Field(
        "UTC",
        description="The time zone that the lines are read in, for example `Europe/Lisbon`.",
    )
    dst: ChangeOfClocks = Field(
        default_factory=ChangeOfClocks,
        description="What happens where the zone changes its clocks, to lines at fixed times such as `30 2 * * *`. One "
        "whose minute or hour begins with a star, such as `*/10 * * * *`, is an interval and keeps its pace.",
    )
    job: JobRef | None = Field(None, description="What: an ObservationJob of this namespace.")
    materialize: MaterializeSelected | None = Field(
        None,
        description="Or what: assets to materialize, upstream first; each waits until those above it, if they are "
        "selected, have been built.",
    )
    starting_deadline_seconds: Int | None = Field(
        None,
        ge=1,
        le=31536000,
        description="A tick that could not be answered within this many seconds is skipped, whatever `missedRuns` "
        "says. Left out: no tick is too late to be made up for.",
    )
    missed_runs: MissedRuns = Field(
        default_factory=MissedRuns, description="What becomes of ticks that could not be answered in time."
    )
    jitter_seconds: Int = Field(
        0,
        ge=0,
        le=86400,
        description="Fire up to this many seconds after each tick, always the same number for one Schedule, so that "
        "many of them do not start at once. Status and names go by the tick itself.",
    )
    concurrency_policy: ConcurrencyPolicy = Field(
        ConcurrencyPolicy.FORBID,
        description="What a tick does while a run of an earlier tick of this Schedule goes on. `Forbid`: it is "
        "skipped. `Allow`: both go on. `Replace`: the earlier run is ended, and its record says so. The "
        "ObservationJob's own `concurrencyPolicy`, between all of its runs, holds besides.",
    )
    suspend: Bool = Field(
        default=False,
        description="Fire no ticks. `missedRuns.onResume` says what becomes of those that pass meanwhile.",
    )


class SkippedTick(Model):
    """A tick that did not run."""

    tick: datetime | None = Field(None, description="The time it was due.")
    reason: str | None = Field(
        None, description="Why: Forbidden (the job was still running), Deadline, Missed, Suspended, JobNotReady."
    )


class ScheduleStatus(Status):
    """When it fired and will fire. Written by Upwell only."""

    current_tick: datetime | None = Field(
        None, description="The tick of which selected assets still wait for those above them."
    )
    last_schedule_time: datetime | None = Field(None, description="The newest tick that was answered.")
    next_schedule_time: datetime | None = Field(None, description="The next tick; absent while suspended.")
    upcoming: tuple[datetime, ...] = Field((), max_length=5, description="The next five ticks.")
    last_successful_time: datetime | None = Field(
        None, description="When a run started by this schedule last succeeded."
    )
    active: tuple[str, ...] = Field((), max_length=50, description="Names of the runs going on now, the first 50.")
    missed_ticks: Int | None = Field(None, description="Ticks that passed without a run while Upwell was down.")
    last_missed_time: datetime | None = Field(None, description="The newest of these.")
    last_skipped: SkippedTick | None = Field(None, description="The newest tick that was skipped, and why.")
    active_since: datetime | None = Field(
        None, description="Ticks count from here: creation, the last resume or change of a line."
    )
    suspended_since: datetime | None = Field(
        None, description="When the suspension began that ended at `activeSince`; absent if that was none."
    )
    observed_schedule: str | None = Field(None, description="The lines and the zone that `activeSince` belongs to.")


class Schedule(Resource):
    """Runs an ObservationJob, or materializes assets, at the ticks of cron lines, each tick once."""

    spec: ScheduleSpec
    status: ScheduleStatus | None = None
