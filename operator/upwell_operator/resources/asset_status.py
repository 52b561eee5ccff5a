"""The status of an Asset: what Upwell knows of the data, as it reports it back.

Limits: shapes and their descriptions. The operator writes plain dicts (`domain.conditions`); tests hold them against
this model, and an API server drops what is not here. A list has no limit here unless its writer cuts it: a status that
is refused would be worse than one that is long. At most 16 KiB in all.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from upwell.protocol import RunKind
from upwell_operator.resources.condition import Status
from upwell_operator.resources.model import Int, Model


class KindOfAsset(StrEnum):
    """Who makes the data."""

    SOURCE = "Source"
    DERIVED = "Derived"
    EXTERNAL = "External"


class StalenessNow(StrEnum):
    """The verdict in one word."""

    FRESH = "Fresh"
    STALE = "Stale"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


class Input(Model):
    """One input as a materialization consumed it."""

    name: str = Field(description="Resource name of the upstream asset.")
    key: str = Field("", description="Its key.")
    data_version: str | None = Field(None, description="Its data version when the run started, if any was known.")


class LastObservation(Model):
    """The last observation that carried a data version."""

    time: datetime | None = Field(None, description="When it was made.")
    data_version: str | None = Field(None, description="The version that was seen.")
    run: str | None = Field(None, description="The run that made it; absent when somebody else reported it.")
    unchanged_since: datetime | None = Field(None, description="Since when every observation has seen this version.")
    count: Int | None = Field(None, description="How many observations in a row have seen this version.")


class LastMaterialization(Model):
    """The last materialization, with what it consumed."""

    time: datetime | None = Field(None, description="When it was recorded.")
    data_version: str | None = Field(None, description="The version that it made.")
    code_version: str | None = Field(None, description="The `spec.codeVersion` that it was made with.")
    run: str | None = Field(None, description="The run that made it; absent when somebody else reported it.")
    inputs: tuple[Input, ...] = Field((), description="The versions of its inputs that it consumed.")


class LastFailure(Model):
    """The last run, if it failed after its retries."""

    time: datetime | None = Field(None, description="When it ended.")
    kind: RunKind | None = Field(None, description="What it was to do: observe or materialize.")
    run: str | None = Field(None, description="The run, for `upwell logs`.")
    message: str | None = Field(None, description="The last line of what went wrong.")


class StaleCause(Model):
    """One reason for which the asset is not fresh."""

    reason: str | None = Field(None, description="The same words as the reasons of Fresh.")
    asset: str | None = Field(None, description="The asset that it is about.")
    message: str | None = Field(None, description="The same for people, with both versions.")
    path: tuple[str, ...] = Field((), description="The way from this asset up to that one.")


class ActiveRun(Model):
    """A run that is going on."""

    name: str = Field(description="Name of the run and of its Job.")
    kind: RunKind | None = Field(None, description="What it does: observe or materialize.")
    started_at: datetime | None = Field(None, description="When its Job was created.")


class PartitionCounts(Model):
    """How many partitions the asset has, and what is known of them."""

    total: Int | None = Field(
        None, description="Partitions that the definition gives now; of a dynamic asset, those known."
    )
    known: Int | None = Field(None, description="Partitions that have a data version.")
    fresh: Int | None = Field(None, description="Partitions built from what their inputs are now.")
    stale: Int | None = Field(None, description="Partitions that were built from something else.")
    missing: Int | None = Field(None, description="Partitions that were never built.")
    unknown: Int | None = Field(
        None, description="Partitions that were never observed or reported; of what is built, those not judged."
    )
    failed: Int | None = Field(None, description="Partitions whose last run failed.")
    late: Int | None = Field(
        None, description="Windows whose data was not there within `freshness.maximumLag` after their end."
    )
    stale_partitions: tuple[str, ...] = Field(
        (), max_length=20, description="Partitions to build, stale or missing: the newest twenty."
    )


class CronTicks(Model):
    """The ticks of `autoMaterialize.cron`."""

    last_schedule_time: datetime | None = Field(None, description="The newest tick that was answered.")
    next_schedule_time: datetime | None = Field(None, description="The next tick.")
    active_since: datetime | None = Field(
        None, description="Ticks before this are not made up for: creation, or the last change of the line."
    )
    observed_schedule: str | None = Field(None, description="The line and the zone that `activeSince` belongs to.")


class HeldVersion(Model):
    """A data version that the guard holds back."""

    version: str = Field(description="The version, whole.")
    since: datetime | None = Field(None, description="Since when the data has it.")
    message: str = Field("", max_length=1024, description="Why it is held, with the figures and the ways out.")


class GuardStatus(Model):
    """What the guard keeps of the accepted version, so that it can judge when the store has lost it."""

    figures: dict[str, str] = Field(
        default_factory=dict, description="The metadata that `holdWhen` reads, each value as JSON."
    )


class AssetStatus(Status):
    """What Upwell knows of the data. Written by Upwell only."""

    key: str | None = Field(None, description="The key in force: `spec.key`, or the resource's name.")
    kind: KindOfAsset | None = Field(
        None, description="Source (has `observe`), Derived (has `materialize`) or External (others report it)."
    )
    data_version: str | None = Field(
        None, description="The current data version, whole; with a guard, the newest that it let through."
    )
    short_version: str | None = Field(None, description="Its first 12 characters, for the column.")
    data_version_changed_at: datetime | None = Field(None, description="When the data version last changed.")
    held: HeldVersion | None = Field(None, description="The newest version, while the guard holds it.")
    guard: GuardStatus | None = Field(None, description="What the guard keeps of the accepted version.")
    last_observation: LastObservation | None = Field(
        None, description="The last observation that carried a data version."
    )
    last_materialization: LastMaterialization | None = Field(
        None, description="The last materialization, with what it consumed."
    )
    last_failure: LastFailure | None = Field(
        None, description="The last run that failed after its retries; gone with the next success."
    )
    staleness: StalenessNow | None = Field(
        None, description="The verdict in one word: Fresh, Stale, Missing (never materialized) or Unknown."
    )
    stale_causes: tuple[StaleCause, ...] = Field(
        (), max_length=10, description="Why it is not fresh, the nearest cause first, at most ten."
    )
    last_handled_request: str | None = Field(
        None, description="The last value of the annotation `upwell.dev/requested-at` that was answered."
    )
    partitions: PartitionCounts | None = Field(None, description="Counts of the partitions, if the asset is cut.")
    cron: CronTicks | None = Field(None, description="With the policy Cron: its ticks.")
    active_runs: tuple[ActiveRun, ...] = Field((), max_length=10, description="Runs going on now, at most ten.")
