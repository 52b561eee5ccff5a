"""The words that all three kinds share: group, version, labels, annotations, condition types and reasons.

Every condition type and reason that Upwell writes is a member here, with its polarity and one sentence for the
reference page; `docs/reference/conditions.md` is generated from these docstrings, and a test holds them together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

GROUP = "upwell.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "upwell"
FIELD_MANAGER = "upwell"


class Kind(StrEnum):
    """The three kinds."""

    ASSET = "Asset"
    OBSERVATION_JOB = "ObservationJob"
    SCHEDULE = "Schedule"

    @property
    def plural(self) -> str:
        """Give the resource name in URLs: `assets`."""
        return f"{self.value.lower()}s"


class Label(StrEnum):
    """Labels on the Jobs and pods that Upwell creates; never on users' objects."""

    MANAGED_BY = "app.kubernetes.io/managed-by"
    RUN = f"{GROUP}/run"
    """Name of the run, which is the Job's own name; on the pod, so that a pod is found from a run."""
    ASSET = f"{GROUP}/asset"
    """Resource name of the asset, shortened with a hash when it is longer than a label may be."""
    RUN_KIND = f"{GROUP}/run-kind"
    OBSERVATION_JOB = f"{GROUP}/observation-job"
    JOB_RUN = f"{GROUP}/job-run"
    """Identity of one run of an ObservationJob; shared by its Jobs."""


class LabelOperator(StrEnum):
    """What a label selector may ask of a label: Kubernetes' four."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Annotation(StrEnum):
    """Annotations: those that users write, and those on the Jobs that Upwell creates."""

    REQUESTED_AT = f"{GROUP}/requested-at"
    """On an Asset or ObservationJob, written by users: any new value asks for one run."""
    ASSET = f"{GROUP}/asset"
    """Resource name of the asset, whole."""
    ASSET_KEY = f"{GROUP}/asset-key"
    FENCE = f"{GROUP}/fence"
    """Fencing token of the run: an integer that grows with every run of an asset."""
    INPUTS = f"{GROUP}/inputs"
    """JSON list of the input versions that the run consumes."""
    CODE_VERSION = f"{GROUP}/code-version"
    TRIGGER = f"{GROUP}/trigger"
    """Why the run was started: JSON of `{type, detail}`."""
    REQUEST = f"{GROUP}/request"
    """The request token that the run answers, if one does."""
    REQUESTED_PARTITIONS = f"{GROUP}/requested-partitions"
    """On an Asset, written by users beside `requested-at`: which partitions; without it those that are not fresh."""
    REQUESTED_PARALLELISM = f"{GROUP}/requested-parallelism"
    """On an Asset, written by users beside `requested-at`: how many partitions are built at once for that request."""
    RELEASED_VERSION = f"{GROUP}/released-version"
    """On an Asset with a guard, written by users: the data version that it shall let through."""
    PARTITION = f"{GROUP}/partition"
    """The partition that the run builds, if it builds one."""
    OBSERVATION_JOB = f"{GROUP}/observation-job"
    """Resource name of the ObservationJob, whole, on the Jobs of its runs."""
    MEMBERS = f"{GROUP}/members"
    """On a Job that several assets share: JSON list of its runs, each with asset, key, fence, function and pod."""
    OUTCOMES = f"{GROUP}/outcomes"
    """On a Job that several assets share: JSON list of their outcomes, in the order of `members`."""
    OUTCOME = f"{GROUP}/outcome"
    """Set once the run's result is recorded: Changed, Unchanged, Materialized, Failed. Until then it is not pruned."""


class ConditionType(StrEnum):
    """Types of conditions."""

    READY = "Ready"
    """The spec is accepted, and what Upwell last did for the object worked. Says nothing about the data."""
    STALLED = "Stalled"
    """Abnormal, present only while True: a person must act."""
    FRESH = "Fresh"
    """The asset is built from what its sources are now. Never touches Ready."""
    OBSERVED = "Observed"
    """The last observation of this source succeeded."""
    HELD = "Held"
    """Abnormal, present only while True: a guard holds the newest version back, and a person must decide."""


class Reason(StrEnum):
    """Reasons of conditions, by the condition they belong to."""

    # For Ready, True:
    READY = "Ready"
    """The spec is accepted and the last action worked."""
    SUSPENDED = "Suspended"
    """The spec is accepted; `spec.suspend` holds everything but what already runs."""
    # For Ready, Unknown:
    PROGRESSING = "Progressing"
    """Upwell has not come to a verdict yet."""
    # For Ready, False:
    INVALID_SPEC = "InvalidSpec"
    """A field does not mean anything Upwell can do; the message names field, value and remedy."""
    KEY_CONFLICT = "KeyConflict"
    """An older asset of the namespace has the same key."""
    DEPENDENCY_CYCLE = "DependencyCycle"
    """The asset depends on itself, through the path in the message."""
    DEPENDENCY_NOT_FOUND = "DependencyNotFound"
    """A name in `spec.deps` is no asset."""
    DEPENDENCY_NOT_EXPORTED = "DependencyNotExported"
    """An asset of another namespace does not list this namespace in its `spec.exportTo`."""
    PARTITIONS_DO_NOT_FIT = "PartitionsDoNotFit"
    """An input is cut in another way, and no `partitionMapping` says what a partition is built from."""
    MIXED_SELECTION = "MixedSelection"
    """An ObservationJob selects assets that have no observe function; nothing is run."""
    NOTHING_SELECTED = "NothingSelected"
    """An ObservationJob selects no asset."""
    ASSET_NOT_FOUND = "AssetNotFound"
    """An ObservationJob names an asset that does not exist."""
    JOB_NOT_FOUND = "JobNotFound"
    """A Schedule names an ObservationJob that does not exist."""
    INVALID_POD_TEMPLATE = "InvalidPodTemplate"
    """The API server refuses the Job that the spec asks for; the message is its own."""
    RUN_FAILED = "RunFailed"
    """The last run failed after its retries; nothing more until an input, the code or a request changes."""
    # For Fresh, True:
    UP_TO_DATE = "UpToDate"
    """Built from the current versions of its inputs; for a source: observed."""
    # For Fresh, False:
    NEVER_MATERIALIZED = "NeverMaterialized"
    """The asset has never been materialized."""
    VERSION_QUARANTINED = "VersionQuarantined"
    """Its current version, or one that it was built from however far up, is in an asset's `spec.quarantine`."""
    DEPENDENCIES_CHANGED = "DependenciesChanged"
    """The set of deps differs from the one that was consumed."""
    CODE_CHANGED = "CodeChanged"
    """`spec.codeVersion` differs from the one that it was materialized with."""
    UPSTREAM_DATA_CHANGED = "UpstreamDataChanged"
    """An input's current version differs from the one consumed."""
    UPSTREAM_STALE = "UpstreamStale"
    """An input is itself stale or missing; the message has the path to the root cause."""
    FRESHNESS_EXPIRED = "FreshnessExpired"
    """Older than `spec.freshness.maximumLag` allows."""
    # For Fresh, Unknown:
    UPSTREAM_UNOBSERVED = "UpstreamUnobserved"
    """An input source has never been observed."""
    UPSTREAM_UNKNOWN = "UpstreamUnknown"
    """An input's own freshness is unknown."""
    PARTITIONS_UNKNOWN = "PartitionsUnknown"
    """What the partitions were built from is not known: the store was emptied, or could not be read yet."""
    # For Observed:
    OBSERVED = "Observed"
    """The last observation succeeded."""
    OBSERVATION_FAILED = "ObservationFailed"
    """The last observation failed; the version it had before is kept."""
    NEVER_OBSERVED = "NeverObserved"
    """No observation has been recorded yet."""
    # For Held, True:
    GUARD_HELD = "GuardHeld"
    """`spec.guard` holds the newest version: those below see the one accepted before, until a person decides."""


class Says(NamedTuple):
    """What a reason means for a condition: the status that it comes with."""

    type: ConditionType
    status: str


_HELD = (Says(ConditionType.READY, "False"), Says(ConditionType.STALLED, "True"))
_LOST = (Says(ConditionType.READY, "False"), Says(ConditionType.FRESH, "Unknown"))


def _all(says: tuple[Says, ...], *reasons: Reason) -> dict[Reason, tuple[Says, ...]]:
    return dict.fromkeys(reasons, says)


POLARITY: dict[Reason, tuple[Says, ...]] = {
    **_all((Says(ConditionType.READY, "True"),), Reason.READY, Reason.SUSPENDED),
    **_all((Says(ConditionType.READY, "Unknown"),), Reason.PROGRESSING),
    **_all(_HELD, Reason.INVALID_SPEC, Reason.INVALID_POD_TEMPLATE, Reason.RUN_FAILED),
    **_all(_HELD, Reason.MIXED_SELECTION, Reason.NOTHING_SELECTED),
    **_all(
        (*_HELD, _LOST[1]),
        Reason.KEY_CONFLICT,
        Reason.DEPENDENCY_CYCLE,
        Reason.DEPENDENCY_NOT_EXPORTED,
        Reason.PARTITIONS_DO_NOT_FIT,
    ),
    **_all(_LOST, Reason.DEPENDENCY_NOT_FOUND),
    **_all(_LOST[:1], Reason.ASSET_NOT_FOUND, Reason.JOB_NOT_FOUND),
    **_all((Says(ConditionType.FRESH, "True"),), Reason.UP_TO_DATE),
    **_all(
        (Says(ConditionType.FRESH, "False"),),
        Reason.NEVER_MATERIALIZED,
        Reason.VERSION_QUARANTINED,
        Reason.DEPENDENCIES_CHANGED,
        Reason.CODE_CHANGED,
        Reason.UPSTREAM_DATA_CHANGED,
        Reason.UPSTREAM_STALE,
        Reason.FRESHNESS_EXPIRED,
    ),
    **_all(
        (Says(ConditionType.FRESH, "Unknown"),),
        Reason.UPSTREAM_UNOBSERVED,
        Reason.UPSTREAM_UNKNOWN,
        Reason.PARTITIONS_UNKNOWN,
    ),
    **_all((Says(ConditionType.OBSERVED, "True"),), Reason.OBSERVED),
    Reason.OBSERVATION_FAILED: (Says(ConditionType.OBSERVED, "False"), Says(ConditionType.FRESH, "Unknown")),
    Reason.NEVER_OBSERVED: (Says(ConditionType.OBSERVED, "Unknown"), Says(ConditionType.FRESH, "Unknown")),
    **_all((Says(ConditionType.HELD, "True"),), Reason.GUARD_HELD),
}
"""Every reason, with the conditions that it can stand in and their status there.

`Stalled` stands beside `Ready=False` where no waiting mends it; something that is missing may still be applied.
"""
