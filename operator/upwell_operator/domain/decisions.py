"""The record of a decision: what was decided for an object, and why. Every "no" has one as well.

A decision is a value that `plan` gives and the store keeps; it is kept only where it differs from the last one of its
subject, so that looking again at an unchanged world costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from upwell_operator.domain.snapshot import AssetId, Ref
from upwell_operator.resources.meta import Kind


class Verb(StrEnum):
    """What was decided."""

    RUN = "Run"
    """A run is started (or was found started: its name is its identity)."""
    NO_RUN = "NoRun"
    """Nothing to do, or nothing that may be done until something changes."""
    WAIT = "Wait"
    """Something will be done as soon as what the message names has happened."""


class Why(StrEnum):
    """Reasons of decisions that are not condition reasons."""

    REQUESTED = "Requested"
    DUE = "Due"
    STALE = "Stale"
    APPLIED = "Applied"
    FRESH = "Fresh"
    POLICY_NEVER = "PolicyNever"
    NOT_RUNNABLE = "NotRunnable"
    SUSPENDED = "Suspended"
    ALREADY_RUNNING = "AlreadyRunning"
    INPUT_MISSING = "InputMissing"
    UPSTREAM_PENDING = "UpstreamPending"
    VERSION_QUARANTINED = "VersionQuarantined"
    SETTLING = "Settling"
    MIN_INTERVAL = "MinInterval"
    NEXT_TICK = "NextTick"
    MAX_CONCURRENT_RUNS = "MaxConcurrentRuns"
    RUN_FAILED = "RunFailed"
    STORE_UNAVAILABLE = "StoreUnavailable"
    DEADLINE = "Deadline"
    MISSED = "Missed"
    FORBIDDEN = "Forbidden"
    JOB_NOT_READY = "JobNotReady"
    RUN_REFUSED = "RunRefused"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one object.

    `id` names the asset's data for an Asset, and is None for the other kinds. `time` is not part of what makes two
    decisions differ.
    """

    kind: Kind
    ref: Ref
    verb: Verb
    reason: str
    message: str
    time: datetime
    id: AssetId | None = None
    run: str | None = None
