"""What a decision sees: values for assets, what is known of their data, and their runs.

Everything here is frozen and small (slots, no copies of manifests), because the operator holds 10,000 of them.
Two names identify an asset: `Ref`, its resource (namespace and name, how `spec.deps` speaks), and `AssetId`, its data
(namespace and key, how events speak); data outlives the resource, and may be reported before there is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.mapping import Mapping
from upwell_operator.domain.partitions import Partitions
from upwell_operator.resources.meta import LabelOperator
from upwell_operator.resources.observation_job import PartitionsPolicy
from upwell_operator.resources.selection import Selection


class Ref(NamedTuple):
    """A namespaced resource, written `namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Write it as kubectl users do."""
        return f"{self.namespace}/{self.name}"

    def seen_from(self, namespace: str) -> str:
        """Write it as `spec.deps` of an asset in this namespace would: the bare name at home, else with namespace."""
        return self.name if self.namespace == namespace else f"{self.namespace}/{self.name}"


class AssetId(NamedTuple):
    """An asset's data: its events, versions and state, whatever the resource is called."""

    namespace: str
    key: str

    def __str__(self) -> str:
        """Write namespace and key; a namespace has no slash, so this is unambiguous."""
        return f"{self.namespace}/{self.key}"

    def seen_from(self, namespace: str) -> str:
        """Write it for readers in this namespace: the bare key at home, else with namespace."""
        return self.key if self.namespace == namespace else f"{self.namespace}/{self.key}"


class AssetKind(StrEnum):
    """Who makes an asset's data: others, and we can look (Source), we (Derived), or others who report it (External)."""

    SOURCE = "Source"
    DERIVED = "Derived"
    EXTERNAL = "External"


class AutoPolicy(StrEnum):
    """`spec.autoMaterialize.policy`."""

    NEVER = "Never"
    EAGER = "Eager"
    CRON = "Cron"


@dataclass(frozen=True, slots=True)
class Cron:
    """The cron line of an asset with the policy Cron, with what its status remembers between two lives."""

    line: str
    time_zone: str = "UTC"
    last_tick: datetime | None = None
    """The newest tick that was answered."""
    active_since: datetime | None = None
    """Ticks before this moment are not owed: the asset's creation, or the last change of its line."""
    observed: str = ""
    """The line and the zone that `active_since` belongs to."""


class Quarantined(NamedTuple):
    """A data version that nothing may be built from, and why, if somebody said it."""

    version: str
    reason: str = ""


class Guard(NamedTuple):
    """When a new data version is held back (CEL), and what that means, if somebody said it."""

    hold_when: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """One accepted Asset as the domain sees it."""

    ref: Ref
    uid: str
    key: str
    kind: AssetKind
    generation: int = 1
    deps: tuple[Ref, ...] = ()
    mappings: tuple[Mapping | None, ...] = ()
    """What is written of how the partitions of each of `deps` belong to its own; empty if nothing is."""
    code_version: str | None = None
    policy: AutoPolicy = AutoPolicy.NEVER
    settle: timedelta | None = None
    """How long no input must have changed before an Eager asset is built."""
    min_interval: timedelta | None = None
    """How long the start of its last run must be ago."""
    cron: Cron | None = None
    """With the policy Cron, and only then."""
    suspended: bool = False
    request: str | None = None
    """Value of the requested-at annotation, if any."""
    requested_partitions: str | None = None
    """Which partitions that asks for, as it is written; None: those that are not fresh."""
    requested_parallelism: int | None = None
    """How many of them at once; None: as many as always."""
    handled_request: str | None = None
    """The request token that status says was answered."""
    every: timedelta | None = None
    maximum_lag: timedelta | None = None
    export_to: tuple[str, ...] = ()
    created_at: datetime | None = None
    template: str = ""
    """Digest of `spec.observe` or `spec.materialize`: a mended template lets a failed run be tried again."""
    pod: str = ""
    """Digest of the pod that observes it without what the runner sees to; empty when it cannot share one."""
    function: str = ""
    """The function that observes it, if that is Python."""
    successful_runs: int = 3
    failed_runs: int = 3
    group: str = "default"
    tags: tuple[tuple[str, str], ...] = ()
    owners: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    guard: Guard | None = None
    released: str | None = None
    """The data version that a person lets through, whatever the guard says of it."""
    kept_events: int = 1000
    kept_for: timedelta = timedelta(days=90)
    partitions: Partitions | None = None
    parallelism: int = 10
    """How many of its partitions are built at once."""

    @property
    def id(self) -> AssetId:
        """Give the identity of its data."""
        return AssetId(self.ref.namespace, self.key)


@dataclass(frozen=True, slots=True)
class Observation:
    """The last observation of an asset that carried a version."""

    time: datetime
    version: str
    run: str | None = None
    unchanged_since: datetime | None = None
    count: int = 1
    """How many observations in a row saw this version."""


@dataclass(frozen=True, slots=True)
class Materialization:
    """The last materialization of an asset, with what it consumed."""

    time: datetime
    version: str
    code_version: str | None = None
    run: str | None = None
    inputs: tuple[InputVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The last run failed after its retries; gone with the next success of the same kind."""

    time: datetime
    kind: RunKind
    run: str
    message: str


@dataclass(slots=True)
class Slices:
    """What is known of the partitions of one asset's data. Mutable: ten of a hundred thousand change."""

    versions: dict[str, str] = field(default_factory=dict)
    made: dict[str, Materialization] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    changed: set[str] | None = None
    """Those that changed since the asset was last judged; None: any may have."""


class Arrived(NamedTuple):
    """A data version that a guard has not let through: whoever is below sees the one accepted before."""

    version: str
    since: datetime | None = None
    held: str = ""
    """Why it is held, in words; empty for one that is not judged yet, or that is quarantined."""


@dataclass(frozen=True, slots=True)
class AssetState:
    """What is known of an asset's data."""

    version: str | None = None
    """The current version; where there is a guard, the newest that it accepted. All below go by it."""
    version_changed_at: datetime | None = None
    observation: Observation | None = None
    materialization: Materialization | None = None
    failure: Failure | None = None
    fence: int = 0
    """Largest fencing token whose result was taken as current."""
    partitions: int = 0
    """How many partitions have a version; 0 for an asset that is not cut."""
    lost: bool = False
    """Whether fewer partitions are known than before Redis was emptied: of the others nobody knows what they are."""
    serial: str = ""
    """The newest change of a partition; empty before the first."""
    accepted: bool = False
    """Whether `version` is what a guard accepted."""
    figures: str = ""
    """The metadata that it was accepted with (JSON), if any is known."""
    arrived: Arrived | None = None
    """The newest version, where it is another one."""
    slices: Slices | None = field(default=None, compare=False, repr=False)
    """What is known of the partitions, where somebody must know; `serial` tells whether it is another."""


UNKNOWN_STATE = AssetState()
"""The state of an asset of which nothing was ever reported."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one label must be: Kubernetes' four operators."""

    key: str
    operator: LabelOperator
    values: tuple[str, ...] = ()


Selector = tuple[Requirement, ...]
"""A label selector: all of these must hold."""


class ConcurrencyPolicy(StrEnum):
    """What a run does while an earlier one goes on: begin beside it, not begin, or end it."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


@dataclass(frozen=True, slots=True)
class RunDefaults:
    """What a run does whose asset does not say it: how long it may take, and how often it is tried again."""

    timeout_seconds: int | None = None
    retries: int | None = None


UNSAID = RunDefaults()


@dataclass(frozen=True, slots=True)
class ObservationJob:
    """One accepted ObservationJob: assets of its own namespace, by name, by label, or by a selection."""

    ref: Ref
    uid: str
    assets: tuple[str, ...] = ()
    selector: Selector | None = None
    selection: Selection | None = None
    generation: int = 1
    run_on_apply: bool = False
    suspended: bool = False
    request: str | None = None
    handled_request: str | None = None
    applied_generation: int | None = None
    """The generation for which `runOnApply` has been answered."""
    concurrency: ConcurrencyPolicy = ConcurrencyPolicy.FORBID
    defaults: RunDefaults = UNSAID
    parallelism: int | None = None
    """How many pods observe the assets that may share them; None: each asset has a Job of its own."""
    partitions: PartitionsPolicy | None = None
    """Which partitions a run looks at; None: whichever the assets' functions like."""
    keys: tuple[str, ...] = ()
    """Those of the policy Keys."""
    successful_runs: int = 3
    failed_runs: int = 3


class TriggerType(StrEnum):
    """What asked for a run."""

    REQUEST = "Request"
    EAGER = "Eager"
    CRON = "Cron"
    EVERY = "Every"
    OBSERVATION_JOB = "ObservationJob"
    SCHEDULE = "Schedule"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a run was started: its type, and the token, tick or versions as text for a person."""

    type: TriggerType
    detail: str = ""


class RunPhase(StrEnum):
    """Where a run is, read from its Job."""

    ACTIVE = "Active"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Outcome(StrEnum):
    """What a recorded run came to."""

    CHANGED = "Changed"
    UNCHANGED = "Unchanged"
    MATERIALIZED = "Materialized"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as its Job tells it. Its name is its identity."""

    ref: Ref
    uid: str
    asset: Ref
    asset_key: str
    kind: RunKind
    phase: RunPhase
    fence: int
    trigger: Trigger
    inputs: tuple[InputVersion, ...] = ()
    code_version: str | None = None
    request: str | None = None
    partition: str | None = None
    """The partition that it builds, if it builds one."""
    observation_job: str | None = None
    job_run: str | None = None
    outcome: Outcome | None = None
    """None until the result is recorded in the store."""
    created_at: datetime | None = None
    ended_at: datetime | None = None
    message: str = ""
    """The Job's own words for why it failed."""
    group: str | None = None
    """The Job that carries the run, when it shares one with others."""
    pod: int | None = None
    """The index of the pod that observes it there."""

    @property
    def report_id(self) -> str:
        """Give what its reports are counted under: the Job's uid, and its own name where several share the Job."""
        return self.uid if self.group is None else f"{self.uid}/{self.ref.name}"

    @property
    def job_ref(self) -> Ref:
        """Give the Job that carries the run: its own, or the one that it shares."""
        return Ref(self.ref.namespace, self.group or self.ref.name)


class Wanted(NamedTuple):
    """A build that a Schedule wants of an asset: the run's name, why, and the tick."""

    run: str
    trigger: Trigger
    tick: datetime
