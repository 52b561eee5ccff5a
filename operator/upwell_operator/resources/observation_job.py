"""An ObservationJob: which observable source assets are looked at together.

It runs when a Schedule fires, when it is requested, or when it is applied with `runOnApply`.

Limits: whether what is selected are observable assets is for the domain to say: it takes more than one object to know.
A selection that cannot be read is refused here, and not by the API server.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from upwell_operator.resources.condition import Resource, Status
from upwell_operator.resources.meta import LabelOperator
from upwell_operator.resources.model import Bool, Int, LabelKey, LabelValue, Model, Name, Rule, Unique
from upwell_operator.resources.pod import LONGEST_SECONDS
from upwell_operator.resources.selection_text import SelectionText


class LabelRequirement(Model):
    """What one label must be."""

    rules: ClassVar = (
        Rule(
            "In and NotIn need values, Exists and DoesNotExist take none",
            cel="(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            holds=lambda one: (one.operator in (LabelOperator.IN, LabelOperator.NOT_IN)) == bool(one.values),
            path=".values",
        ),
    )

    key: LabelKey = Field(description="The label, for example `tier`.")
    operator: LabelOperator = Field(description="In, NotIn, Exists or DoesNotExist.")
    values: tuple[LabelValue, ...] = Field((), max_length=64, description="For In and NotIn, such as `[raw, seed]`.")


class LabelSelector(Model):
    """Assets by their labels: all of it must hold. Kubernetes' own form."""

    rules: ClassVar = (
        Rule(
            "an empty selector would select every asset; name labels in matchLabels or matchExpressions",
            cel="(has(self.matchLabels) && size(self.matchLabels) > 0) || "
            "(has(self.matchExpressions) && size(self.matchExpressions) > 0)",
            holds=lambda one: bool(one.match_labels or one.match_expressions),
        ),
    )

    match_labels: dict[str, LabelValue] = Field(
        default_factory=dict, max_length=64, description="Labels that an asset has, for example `{tier: raw}`."
    )
    match_expressions: tuple[LabelRequirement, ...] = Field(
        (), max_length=64, description="What else its labels must be."
    )


class ConcurrencyPolicy(StrEnum):
    """What a run does while an earlier run of the same job, or of the same Schedule, goes on."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


class HistoryLimit(Model):
    """How many runs of the job keep their Jobs, pods and logs."""

    successful: Int = Field(3, ge=0, le=100, description="Runs of which every asset was observed, newest first.")
    failed: Int = Field(3, ge=0, le=100, description="Runs of which an asset failed, newest first.")


ObservedKeys = Annotated[
    tuple[Annotated[str, Field(strict=True, min_length=1, max_length=256)], ...],
    Field(min_length=1, max_length=1000),
    Unique(),
]
"""Keys that the domain holds against each asset's definition: a rule for each would cost the API server too much."""


class PartitionsPolicy(StrEnum):
    """Which partitions of each asset that is cut a run of the job looks at."""

    LATEST = "Latest"
    ALL = "All"
    KEYS = "Keys"


class ObservedPartitions(Model):
    """Which partitions a run looks at."""

    rules: ClassVar = (
        Rule(
            "the policy Keys lists keys, and no other does; give both, or neither",
            cel="(self.policy == 'Keys') == has(self.keys)",
            holds=lambda one: (one.policy is PartitionsPolicy.KEYS) == (one.keys is not None),
            path=".keys",
        ),
    )

    policy: PartitionsPolicy = Field(
        description="`Latest`: the newest window that is over, or the last key of a list; of two dimensions, the "
        "newest window of the one with all of the other. `All`: every partition there is. `Keys`: those listed."
    )
    keys: ObservedKeys | None = Field(None, description="With the policy Keys, for example `[2026-01-31]`.")


_WAYS = ("assets", "selector", "selection")


class ObservationJobSpec(Model):
    """Which assets are observed together, and when besides a Schedule's ticks."""

    rules: ClassVar = (
        Rule(
            "say once which assets: give one of assets, selector and selection",
            cel=f"[{', '.join(f'has(self.{way})' for way in _WAYS)}].filter(given, given).size() == 1",
            holds=lambda spec: sum(getattr(spec, way) is not None for way in _WAYS) == 1,
        ),
    )

    assets: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1000), Unique()] | None = Field(
        None,
        description="Resource names of observable source assets of this namespace, for example "
        "`[raw-orders, raw-customers]`. One that has no `observe` makes the whole job refuse (MixedSelection).",
    )
    selector: LabelSelector | None = Field(
        None, description="Instead of names: assets by their labels, looked up anew for each run."
    )
    selection: SelectionText | None = Field(
        None,
        description="Instead of names: assets by what they are, looked up anew for each run, for example "
        '`"group:raw and kind:file"`. Dagster\'s syntax: key:, group:, tag:, owner:, kind:, and, or, not, `+key`, '
        "`key+`, roots(), sinks().",
    )
    partitions: ObservedPartitions | None = Field(
        None,
        description="Which partitions of the assets that are cut a run looks at: its function finds their keys in "
        "`context.partition_keys`, a container in `$UPWELL_PARTITIONS`. Left out: whichever the function likes.",
    )
    run_on_apply: Bool = Field(
        default=False, description="Run once when the resource is created, and once for every change of its spec."
    )
    concurrency_policy: ConcurrencyPolicy = Field(
        ConcurrencyPolicy.FORBID,
        description="What a run does while an earlier run of this job goes on. `Forbid`: a request waits for it, a "
        "tick of a Schedule is skipped. `Allow`: both go on. `Replace`: the earlier one is ended, and its record says "
        "so.",
    )
    history_limit: HistoryLimit = Field(
        default_factory=HistoryLimit,
        description="How many runs of the job keep their Jobs, pods and logs, whatever `history` of their assets says. "
        "A Job goes only after its result is recorded, and with all the others of its run.",
    )
    parallelism: Int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Let assets share pods: those that `python` observes, and whose `observe` differs in nothing but "
        "`function`, `retries`, `timeoutSeconds` and `every`, are observed by at most this many pods at once, one "
        "after the other in each. Left out: every asset has a pod of its own.",
    )
    timeout_seconds: Int | None = Field(
        None,
        ge=1,
        le=LONGEST_SECONDS,
        description="For assets whose `observe` does not say it: the observation is ended and counts as failed after "
        "this many seconds, retries included.",
    )
    retries: Int | None = Field(
        None,
        ge=0,
        le=100,
        description="For assets whose `observe` does not say it: how often a failed observation is tried again.",
    )
    suspend: Bool = Field(default=False, description="Start nothing: no tick, no request. What runs already goes on.")


class JobRunPhase(StrEnum):
    """Where a run of the job is."""

    ACTIVE = "Active"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class JobRun(Model):
    """One run of the job: every asset of it observed once."""

    name: str = Field(description="Name of the run; the label upwell.dev/job-run of its Jobs.")
    phase: JobRunPhase | None = Field(None, description="Active, Succeeded, or Failed if one of its assets failed.")
    start: datetime | None = Field(None, description="When it began.")
    end: datetime | None = Field(None, description="When its last asset was done.")
    observed: Int | None = Field(None, description="Assets observed so far.")
    changed: Int | None = Field(None, description="Of these, the ones with a new data version.")
    unchanged: Int | None = Field(None, description="Of these, the ones with the same data version as before.")
    failed: Int | None = Field(None, description="Assets whose observation failed; what the others saw stands.")
    failed_assets: tuple[str, ...] = Field((), max_length=50, description="Their names, the first 50.")
    message: str | None = Field(None, description="Why they failed, the first 10 of them, in their own words.")


class SelectedAssets(Model):
    """What the job observes."""

    count: Int | None = Field(None, description="How many assets.")
    names: tuple[str, ...] = Field((), max_length=50, description="Their names, the first 50.")


class ObservationJobStatus(Status):
    """How the job is doing. Written by Upwell only."""

    assets: SelectedAssets | None = Field(None, description="What the job observes.")
    active: tuple[str, ...] = Field((), max_length=50, description="Names of the runs going on now, the first 50.")
    last_run: JobRun | None = Field(None, description="The newest run of the job.")
    last_successful_time: datetime | None = Field(None, description="When a run last ended with every asset observed.")
    last_handled_request: str | None = Field(
        None, description="The last value of the annotation `upwell.dev/requested-at` that was answered."
    )
    applied_generation: Int | None = Field(
        None, description="The metadata.generation for which `runOnApply` has been answered."
    )


class ObservationJob(Resource):
    """A set of observable source assets that are looked at together: on a Schedule, on request, or when applied."""

    spec: ObservationJobSpec
    status: ObservationJobStatus | None = None
