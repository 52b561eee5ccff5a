"""From what users write to what decisions see: the accepted parts of a resource, small and frozen.

The pydantic models have checked the form by now. What remains of a manifest here is what a decision needs; the
templates of pods stay with the reconciler until a Job is built.
"""

from __future__ import annotations

from datetime import timedelta
from sys import intern
from typing import Any

from upwell_operator.domain import mapping, partitions
from upwell_operator.domain.clocks import Dst
from upwell_operator.domain.identity import digest
from upwell_operator.domain.runs import read_time
from upwell_operator.domain.schedules import MissedRuns, Rebuild, Schedule
from upwell_operator.domain.snapshot import (
    Asset,
    AssetKind,
    AutoPolicy,
    ConcurrencyPolicy,
    Cron,
    Guard,
    ObservationJob,
    Quarantined,
    Ref,
    Requirement,
    RunDefaults,
    Selector,
)
from upwell_operator.resources import asset as asset_model
from upwell_operator.resources import observation_job as job_model
from upwell_operator.resources import schedule as schedule_model
from upwell_operator.resources.meta import Annotation, LabelOperator
from upwell_operator.resources.selection import read_selection

Json = dict[str, Any]
PARALLELISM = 10
"""How many partitions are built at once where nobody says it."""
_RUNNERS = frozenset({"python", "retries", "timeoutSeconds", "every"})
"""Fields of `spec.observe` that make no other pod."""


def accept_asset(resource: asset_model.Asset, spec: Json, status: Json) -> Asset:
    """Give an Asset as the domain sees it; `spec` and `status` are the object's own JSON."""
    meta, wanted = resource.metadata, resource.spec
    auto = wanted.auto_materialize or asset_model.AutoMaterialize()
    return Asset(
        ref=Ref(meta.namespace, meta.name),
        uid=meta.uid,
        key=wanted.key or meta.name,
        kind=_kind(wanted),
        generation=meta.generation,
        deps=tuple(Ref(dep.namespace or meta.namespace, dep.name) for dep in wanted.deps),
        code_version=wanted.code_version,
        policy=AutoPolicy(auto.policy),
        settle=auto.settle,
        min_interval=auto.min_interval,
        cron=_cron(auto, status.get("cron") or {}),
        suspended=wanted.suspend,
        mappings=_mappings(wanted),
        request=meta.annotations.get(Annotation.REQUESTED_AT),
        requested_partitions=meta.annotations.get(Annotation.REQUESTED_PARTITIONS),
        requested_parallelism=_count(meta.annotations.get(Annotation.REQUESTED_PARALLELISM, "")),
        handled_request=status.get("lastHandledRequest"),
        every=wanted.observe.every if wanted.observe else None,
        maximum_lag=wanted.freshness.maximum_lag if wanted.freshness else None,
        export_to=tuple(wanted.export_to),
        created_at=meta.creation_timestamp,
        template=digest(spec.get("observe"), spec.get("materialize")),
        pod="" if wanted.partitions else pod_digest(spec.get("observe") or {}),
        function=intern(wanted.observe.python.function) if wanted.observe and wanted.observe.python else "",
        successful_runs=wanted.history.successful_runs,
        failed_runs=wanted.history.failed_runs,
        group=intern(wanted.group),
        tags=tuple(wanted.tags.items()),
        owners=wanted.owners,
        kinds=wanted.kinds,
        labels=tuple(sorted(meta.labels.items())),
        kept_events=wanted.history.events,
        kept_for=wanted.history.age,
        quarantine=tuple(Quarantined(one.data_version, one.reason or "") for one in wanted.quarantine),
        guard=Guard(wanted.guard.hold_when, wanted.guard.message or "") if wanted.guard else None,
        released=meta.annotations.get(Annotation.RELEASED_VERSION),
        partitions=partitions.accept(wanted.partitions) if wanted.partitions else None,
        parallelism=(wanted.materialize and wanted.materialize.parallelism) or PARALLELISM,
    )


def _count(text: str) -> int | None:
    """Read how many; anything else than a number from 1 on says nothing."""
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _mappings(spec: asset_model.AssetSpec) -> tuple[mapping.Mapping | None, ...]:
    written = [dep.partition_mapping for dep in spec.deps]
    return tuple(mapping.accept(one) if one else None for one in written) if any(written) else ()


def _cron(auto: asset_model.AutoMaterialize, remembered: Json) -> Cron | None:
    if auto.cron is None:
        return None
    last, since = (read_time(remembered.get(name)) for name in ("lastScheduleTime", "activeSince"))
    return Cron(auto.cron, auto.time_zone or "UTC", last, since, remembered.get("observedSchedule", ""))


def accept_job(resource: job_model.ObservationJob, status: Json) -> ObservationJob:
    """Give an ObservationJob as the domain sees it."""
    meta, wanted = resource.metadata, resource.spec
    return ObservationJob(
        ref=Ref(meta.namespace, meta.name),
        uid=meta.uid,
        assets=wanted.assets or (),
        selector=_selector(wanted.selector) if wanted.selector else None,
        selection=read_selection(wanted.selection) if wanted.selection else None,
        generation=meta.generation,
        run_on_apply=wanted.run_on_apply,
        suspended=wanted.suspend,
        request=meta.annotations.get(Annotation.REQUESTED_AT),
        handled_request=status.get("lastHandledRequest"),
        applied_generation=status.get("appliedGeneration"),
        concurrency=ConcurrencyPolicy(wanted.concurrency_policy),
        parallelism=wanted.parallelism,
        partitions=wanted.partitions.policy if wanted.partitions else None,
        keys=(wanted.partitions and wanted.partitions.keys) or (),
        defaults=RunDefaults(wanted.timeout_seconds, wanted.retries),
        successful_runs=wanted.history_limit.successful,
        failed_runs=wanted.history_limit.failed,
    )


def accept_schedule(resource: schedule_model.Schedule, status: Json) -> Schedule:
    """Give a Schedule as the domain sees it."""
    meta, wanted = resource.metadata, resource.spec
    deadline = wanted.starting_deadline_seconds
    return Schedule(
        ref=Ref(meta.namespace, meta.name),
        uid=meta.uid,
        lines=tuple(filter(None, (wanted.schedule, *wanted.schedules))),
        job=wanted.job.name if wanted.job else None,
        rebuild=_rebuild(wanted.materialize) if wanted.materialize else None,
        time_zone=wanted.time_zone,
        dst=Dst(wanted.dst.repeated, wanted.dst.skipped),
        generation=meta.generation,
        suspended=wanted.suspend,
        starting_deadline=None if deadline is None else timedelta(seconds=deadline),
        missed_runs=MissedRuns(wanted.missed_runs.policy, wanted.missed_runs.on_resume, wanted.missed_runs.max),
        concurrency=ConcurrencyPolicy(wanted.concurrency_policy),
        jitter=timedelta(seconds=wanted.jitter_seconds),
        last_tick=read_time(status.get("lastScheduleTime")),
        current=read_time(status.get("currentTick")),
        active_since=read_time(status.get("activeSince")),
        suspended_since=read_time(status.get("suspendedSince")),
        observed_schedule=status.get("observedSchedule", ""),
        created_at=meta.creation_timestamp,
    )


def _rebuild(written: schedule_model.MaterializeSelected) -> Rebuild:
    return Rebuild(read_selection(written.selection), written.only_stale)


def pod_digest(observe: Json) -> str:
    """Tell the pods that observe apart, but for what the runner sees to; "" for one that nobody can share."""
    if not observe.get("python"):
        return ""
    return intern(digest({name: value for name, value in observe.items() if name not in _RUNNERS}))


def _selector(written: job_model.LabelSelector) -> Selector:
    exact = [Requirement(key, LabelOperator.IN, (value,)) for key, value in written.match_labels.items()]
    return (*exact, *(Requirement(one.key, one.operator, one.values) for one in written.match_expressions))


def _kind(spec: asset_model.AssetSpec) -> AssetKind:
    if spec.observe:
        return AssetKind.SOURCE
    return AssetKind.DERIVED if spec.materialize else AssetKind.EXTERNAL
