"""An ObservationJob: which observable source assets are looked at together.

It runs when a Schedule fires, when it is requested, or when it is applied with `runOnApply`.

Limits: explicit names only; selections are not built yet, so they are not in the schema. Whether the names are
observable assets is for the domain to say: it takes more than one object to know.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from upwell_operator.resources.condition import Resource, Status
from upwell_operator.resources.model import Bool, Int, Model, Name, Unique


class ObservationJobSpec(Model):
    """Which assets are observed together, and when besides a Schedule's ticks."""

    assets: Annotated[tuple[Name, ...], Unique()] = Field(
        min_length=1,
        max_length=1000,
        description="Resource names of observable source assets of this namespace, for example "
        "`[raw-orders, raw-customers]`. One that has no `observe` makes the whole job refuse (MixedSelection).",
    )
    run_on_apply: Bool = Field(
        default=False, description="Run once when the resource is created, and once for every change of its spec."
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
    failed: Int | None = Field(None, description="Assets whose observation failed.")


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
