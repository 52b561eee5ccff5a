"""What a plan may ask for. An action is a value: it says what shall be so, and doing it twice is doing it once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.decisions import Decision
from upwell_operator.domain.snapshot import UNSAID, Asset, ObservationJob, Ref, Run, RunDefaults, Trigger, Wanted


@dataclass(frozen=True, slots=True)
class StartRun:
    """A Job of this name shall exist."""

    ref: Ref
    asset: Asset
    kind: RunKind
    fence: int
    trigger: Trigger
    inputs: tuple[InputVersion, ...] = ()
    request: str | None = None
    observation_job: str | None = None
    job_run: str | None = None
    partition: str | None = None
    """The one that it builds."""
    partitions: tuple[str, ...] = ()
    """Those that it is asked to look at; none: whichever the function likes."""
    defaults: RunDefaults = UNSAID


@dataclass(frozen=True, slots=True)
class StartGroup:
    """A Job of this name shall exist, which observes these assets in `pods` pods."""

    ref: Ref
    members: tuple[StartRun, ...]
    job: ObservationJob
    job_run: str
    pods: int


@dataclass(frozen=True, slots=True)
class PruneRun:
    """The Job of a recorded run shall be gone: the history limits say so."""

    run: Run


@dataclass(frozen=True, slots=True)
class EndRun:
    """The Job of runs that are going on shall be gone, for the reason that their records give."""

    runs: tuple[Run, ...]
    message: str


Action = StartRun | StartGroup | PruneRun | EndRun


@dataclass(frozen=True, slots=True)
class Skipped:
    """A tick that did not run, and why."""

    tick: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done for one object, and what its status may say once that is done."""

    actions: tuple[Action, ...] = ()
    decisions: tuple[Decision, ...] = ()
    wake: datetime | None = None
    """When to look again although nothing has happened."""
    handled_request: str | None = None
    """The request token that these actions answer."""
    handled_generation: int | None = None
    """The generation whose `runOnApply` these actions answer."""
    tick: datetime | None = None
    """The tick that these actions answer, or that was skipped."""
    current: datetime | None = None
    """The tick that has begun and of which something still waits."""
    wanted: tuple[tuple[Ref, Wanted], ...] = ()
    """What that tick wants built now; each asset starts its own run, so that it never has two at once."""
    upcoming: tuple[datetime, ...] = ()
    """The next ticks."""
    missed: int = 0
    """Ticks that passed without a run while Upwell was down, beside the one that is answered."""
    skipped: Skipped | None = None
    job_run: str | None = field(default=None)
    """The run of the ObservationJob that these actions start."""
