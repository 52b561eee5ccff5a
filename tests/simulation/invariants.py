"""What must be true once all is quiet. Each check gives sentences about what is not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from simulation.kubelet import Kubelet
from simulation.ledger import Created, Ledger
from simulation.oracle import Fresh, Oracle, deps_of
from simulation.outside import NAMESPACE, TICK_SECONDS, Outside
from simulation.weather import Weather
from upwell.protocol import EventType, RunKind
from upwell_operator.domain.decisions import Decision, Verb
from upwell_operator.domain.runs import read_runs
from upwell_operator.domain.snapshot import AssetId, AssetState, Outcome, Ref, TriggerType
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.resources.asset_status import AssetStatus
from upwell_operator.resources.meta import Annotation, Kind
from upwell_operator.resources.observation_job import ObservationJobStatus
from upwell_operator.resources.schedule import ScheduleStatus
from upwell_operator.store import Store

Json = dict[str, Any]
MODELS = {"assets": AssetStatus, "observationjobs": ObservationJobStatus, "schedules": ScheduleStatus}
STATUS_BYTES = 16 * 1024
OWN = {
    "NeverMaterialized", "VersionQuarantined", "DependenciesChanged", "CodeChanged", "UpstreamDataChanged",
    "FreshnessExpired",
}  # fmt: skip
VERSIONED = (EventType.OBSERVATION, EventType.MATERIALIZATION)
LONGEST_PACE = 45.0
"""Seconds after which whoever waits for nothing but time has been built: longer than any pace that users write."""


@dataclass
class Quiet:
    """The world at a quiet moment, read once."""

    now: datetime
    objects: dict[tuple[str, str], Json]
    jobs: list[Json]
    states: dict[str, AssetState]
    decisions: dict[tuple[str, str], list[Decision]]
    histories: dict[str, list[Any]]

    @property
    def specs(self) -> dict[str, Json]:
        """Give the assets' specs by name."""
        return {name: obj["spec"] for (kind, name), obj in self.objects.items() if kind == "assets"}

    def oracle(self) -> Oracle:
        """Give who knows what is fresh."""
        return Oracle(self.specs, self.states, self.now)

    def status(self, kind: str, name: str) -> Json:
        """Give an object's status."""
        status: Json = self.objects[kind, name].get("status") or {}
        return status


async def look(cluster: MemoryCluster, store: Store, now: datetime, keys: set[str]) -> Quiet:
    """Read everything."""
    objects = {
        (kind, obj["metadata"]["name"]): obj for kind in MODELS for obj in (await cluster.list(kind, NAMESPACE)).items
    }
    ids = [AssetId(NAMESPACE, key) for key in sorted(keys)]
    states = {one.key: state for one, state in (await store.states(ids)).items()}
    histories = {one.key: list(reversed((await store.events(one, limit=1000)).items)) for one in ids}
    kinds = {"assets": Kind.ASSET, "observationjobs": Kind.OBSERVATION_JOB, "schedules": Kind.SCHEDULE}
    names = set(objects) | {("assets", key) for key in keys}
    decisions = {
        (kind, name): list((await store.decisions(kinds[kind], Ref(NAMESPACE, name), limit=200)).items)
        for kind, name in sorted(names)
    }
    return Quiet(now, objects, (await cluster.list("jobs", NAMESPACE)).items, states, decisions, histories)


# ----------------------------------------------------------------- freshness, and what follows from it


def freshness(quiet: Quiet) -> Iterator[str]:
    """The condition says what brute force says."""
    oracle = quiet.oracle()
    for name in quiet.specs:
        wanted = oracle.fresh(name)
        found = [one for one in quiet.status("assets", name).get("conditions", ()) if one["type"] == "Fresh"]
        shown = Fresh(found[0]["status"], found[0]["reason"]) if found else None
        if shown != wanted:
            yield f"{name} is shown as {shown}, and is {wanted}"


def facts(quiet: Quiet) -> Iterator[str]:
    """Status shows what the store knows."""
    for name in quiet.specs:
        status, state = quiet.status("assets", name), quiet.states.get(name, AssetState())
        made = (status.get("lastMaterialization") or {}).get("run")
        known = (state.version, state.materialization.run if state.materialization else None)
        if (status.get("dataVersion"), made) != known:
            yield f"status of {name} tells of {(status.get('dataVersion'), made)}, the store of {known}"


def eagerness(quiet: Quiet, *, emptied: bool) -> Iterator[str]:
    """Every stale Eager asset that could be built has been built, or has a recorded reason that is true."""
    oracle = quiet.oracle()
    for name, spec in quiet.specs.items():
        fresh = oracle.fresh(name)
        eager = (spec.get("autoMaterialize") or {}).get("policy") == "Eager"
        if not eager or fresh.status != "False" or fresh.reason not in OWN:
            continue
        why = _excuse(quiet, name, spec, oracle)
        newest = next(iter(quiet.decisions["assets", name]), None)
        if why is None:
            yield f"{name} is {fresh.reason}, could be built, and is not; last decision: {newest}"
        elif newest is None and emptied:
            continue
        elif newest is None or newest.verb is Verb.RUN or newest.reason != why:
            yield f"{name} is {fresh.reason} and not built because of {why}, and the last decision says {newest}"


def _excuse(quiet: Quiet, name: str, spec: Json, oracle: Oracle) -> str | None:
    if spec.get("suspend"):
        return "Suspended"
    if any(quiet.states.get(dep, AssetState()).version is None for dep in deps_of(spec)):
        return "InputMissing"
    if any(quiet.states[dep].version in oracle.barred(dep) for dep in deps_of(spec)):
        return "VersionQuarantined"
    failure = quiet.states.get(name, AssetState()).failure
    jobs = [run for job in quiet.jobs for run in read_runs(job) if run.asset.name == name]
    failed = {run.ref.name for run in jobs if run.outcome is Outcome.FAILED} | ({failure.run} if failure else set())
    return "RunFailed" if failed and _last_eager_failed(quiet, name, failed) else None


def _last_eager_failed(quiet: Quiet, name: str, failed: set[str]) -> bool:
    """Say whether the decision names a run that did fail."""
    newest = next(iter(quiet.decisions["assets", name]), None)
    return newest is not None and any(run in newest.message for run in failed)


# ----------------------------------------------------------------- nothing acknowledged is lost


def history(quiet: Quiet, kubelet: Kubelet, flushed_at: float) -> Iterator[str]:
    """Every acknowledged event is in the history; the newest that counts is the current version."""
    for one in kubelet.acknowledged:
        kept = {stored.event.id for stored in quiet.histories.get(one.id.key, ())}
        if one.at > flushed_at and one.event.id not in kept:
            yield f"event {one.event.id} of {one.id} was acknowledged at {one.at:.1f} and is gone"
    if flushed_at >= 0:
        return
    for key, events in quiet.histories.items():
        counted = [stored for stored in events if stored.event.type in VERSIONED and not stored.superseded]
        versions = [stored.event.data_version for stored in counted if stored.event.data_version]
        current = quiet.states.get(key, AssetState()).version
        if (versions[-1] if versions else None) != current:
            yield f"the newest version of {key} is {versions[-1:]}, the current one {current}"


def fences(quiet: Quiet, ledger: Ledger) -> Iterator[str]:
    """A result is superseded exactly when a later run's result came before it."""
    tokens: dict[str, set[int]] = {}
    for one in ledger.created:
        tokens.setdefault(one.run.ref.name, set()).add(one.run.fence)
    for key, events in quiet.histories.items():
        highest = 0
        for stored in events:
            known = tokens.get(stored.run or "", set())
            if len(known) != 1:
                continue
            fence = next(iter(known))
            if stored.superseded != (fence < highest):
                yield f"event {stored.event.id} of {key}: superseded={stored.superseded}, fence {fence} after {highest}"
            state = stored.event.data_version or stored.event.type.value.endswith("Failed")
            counts = state and stored.event.type is not EventType.ATTEMPT_FAILED
            highest = max(highest, fence) if counts and not stored.superseded else highest


def recorded(quiet: Quiet) -> Iterator[str]:
    """Every Job that is over has its outcome."""
    for job in quiet.jobs:
        for run in read_runs(job):
            if run.outcome is None:
                yield f"run {run.ref.name} of Job {run.job_ref.name} ({run.phase.value}) has no outcome"


# ----------------------------------------------------------------- requests and ticks


def requests(quiet: Quiet, outside: Outside, ledger: Ledger) -> Iterator[str]:
    """Every token is answered once: by one Job each, and in status."""
    born = [one for one in ledger.created if not one.stillborn]
    made = Counter((one.owner, one.run.request) for one in born if one.run.request)
    by_hand = Counter(one.run.request for one in ledger.created if one.run.job_ref.name in outside.deleted_jobs)
    for (owner, token), count in made.items():
        if count > 1 + by_hand[token]:
            yield f"request {token} was answered by {count} Jobs of {owner}"
    for request in outside.requests:
        obj = quiet.objects.get((request.kind, request.name))
        if obj is None or obj["metadata"]["uid"] != request.uid:
            continue
        if obj["metadata"]["annotations"].get(Annotation.REQUESTED_AT) != request.token:
            continue
        handled = (obj.get("status") or {}).get("lastHandledRequest") == request.token
        if handled and request.kind == "assets" and not made[request.uid, request.token] and not outside.quarantined:
            yield f"request {request.token} of {request.name} counts as answered, and no Job was ever made"
        if not handled and _answerable(quiet, request.kind, obj):
            newest = next(iter(quiet.decisions[request.kind, request.name]), None)
            yield f"request {request.token} of {request.name} is not answered; last decision: {newest}"


def _answerable(quiet: Quiet, kind: str, obj: Json) -> bool:
    spec = obj["spec"]
    if spec.get("suspend"):
        return False
    if kind == "assets":
        return all(dep in quiet.specs for dep in deps_of(spec))
    return all("observe" in quiet.specs.get(name, {}) for name in spec["assets"])


def ticks(quiet: Quiet, ledger: Ledger, outside: Outside) -> Iterator[str]:
    """Every tick fires at most once, the last one that is due exactly once or with a reason."""
    fired: Counter[tuple[str, str]] = Counter()
    for one in ledger.created:
        if "tick " in one.run.trigger.detail and one.run.job_ref.name not in outside.deleted_jobs:
            fired[one.owner, one.run.trigger.detail] += 1
    policies = {
        obj["spec"].get("concurrencyPolicy") for (kind, _), obj in quiet.objects.items() if kind == "observationjobs"
    }
    for (owner, detail), count in fired.items():
        if count > 1 and "Replace" not in policies:  # a run that was ended before it was answered for begins again
            yield f"{detail} fired {count} times for {owner}"
    for (kind, name), obj in quiet.objects.items():
        if kind == "schedules" and not obj["spec"].get("suspend"):
            yield from _last_tick(quiet, name, obj, ledger)


def open_ticks(quiet: Quiet) -> Iterator[str]:
    """Every asset with the policy Cron has answered its newest tick, or has a reason not to."""
    oracle = quiet.oracle()
    for name, spec in quiet.specs.items():
        if (spec.get("autoMaterialize") or {}).get("policy") == "Cron" and _excuse(quiet, name, spec, oracle) is None:
            yield from _open_tick(quiet, name)


def _open_tick(quiet: Quiet, name: str) -> Iterator[str]:
    """A Cron asset that is stale and could be built has answered its newest tick."""
    fresh, status = quiet.oracle().fresh(name), quiet.status("assets", name).get("cron") or {}
    due = datetime.fromtimestamp(quiet.now.timestamp() // TICK_SECONDS * TICK_SECONDS, quiet.now.tzinfo)
    known = [datetime.fromisoformat(status[one]) for one in ("lastScheduleTime", "activeSince") if one in status]
    young = (quiet.now - due).total_seconds() < LONGEST_PACE
    if fresh.status == "False" and fresh.reason in OWN and not young and max(known, default=due) < due:
        newest = next(iter(quiet.decisions["assets", name]), None)
        yield f"{name} is {fresh.reason}, its tick {due} is open, and is not answered; last decision: {newest}"


def _last_tick(quiet: Quiet, name: str, obj: Json, ledger: Ledger) -> Iterator[str]:
    status = obj.get("status") or {}
    if status.get("currentTick") and not status.get("active"):
        yield f"schedule {name}: tick {status['currentTick']} goes on, and nothing of it runs"
    due = datetime.fromtimestamp(quiet.now.timestamp() // TICK_SECONDS * TICK_SECONDS, quiet.now.tzinfo)
    since = status.get("activeSince")
    if _refused(status) or (quiet.now - due).total_seconds() < 2 or (since and datetime.fromisoformat(since) >= due):
        return
    last = status.get("lastScheduleTime")
    if last is None or datetime.fromisoformat(last) != due:
        yield f"schedule {name} last fired {last}, and {due} is due"
    elif "job" in obj["spec"]:
        yield from _made_jobs(quiet, name, obj, ledger, due)


def _refused(status: Json) -> bool:
    """Say whether there is nothing that a schedule could run."""
    return any(one["type"] == "Ready" and one["status"] == "False" for one in status.get("conditions", ()))


def _made_jobs(quiet: Quiet, name: str, obj: Json, ledger: Ledger, due: datetime) -> Iterator[str]:
    status, job = obj["status"], quiet.objects["observationjobs", obj["spec"]["job"]["name"]]
    skipped = (status.get("lastSkipped") or {}).get("tick")
    runs = [one for one in ledger.created if one.run.trigger.detail.endswith(f"tick {due.isoformat()}")]
    awake = [one for one in job["spec"]["assets"] if not quiet.specs.get(one, {"suspend": True}).get("suspend")]
    if skipped != status["lastScheduleTime"] and not runs and awake:
        yield f"schedule {name}: tick {due} counts as fired, and made no Job"


# ----------------------------------------------------------------- records, and what is left alone


def decided(quiet: Quiet, ledger: Ledger, weather: Weather) -> Iterator[str]:
    """Every Job has a decision with its name; where the store was away, its trigger says why."""
    for one in ledger.created:
        if not one.run.trigger.detail:
            yield f"Job {one.run.ref.name} does not say why it was made"
        if weather.store_fails or weather.outages or weather.flushes or weather.fenced:
            continue
        if not _has_decision(quiet, one):
            yield f"no decision tells of Job {one.run.ref.name} ({one.run.trigger})"


def _has_decision(quiet: Quiet, one: Created) -> bool:
    by_job = one.run.trigger.type is TriggerType.OBSERVATION_JOB
    places = [key for key in quiet.decisions if key[0] != "assets"] if by_job else [("assets", one.run.asset.name)]
    wanted = one.run.job_run if by_job else one.run.ref.name
    gone = by_job and ("observationjobs", one.run.observation_job) not in quiet.objects
    return gone or any(why.run == wanted for place in places for why in quiet.decisions.get(place, ()))


def untouched(quiet: Quiet, outside: Outside) -> Iterator[str]:
    """Spec, labels, annotations and everything else of users' objects are as users wrote them."""
    for place, obj in quiet.objects.items():
        written = outside.written[place]
        if obj["spec"] != written["spec"]:
            yield f"spec of {place[1]} is {obj['spec']}, and was written as {written['spec']}"
        ours, theirs = dict(obj["metadata"]), dict(written["metadata"])
        ours.pop("resourceVersion"), theirs.pop("resourceVersion")
        if ours != theirs:
            yield f"metadata of {place[1]} is {ours}, and was written as {theirs}"


def statuses(quiet: Quiet) -> Iterator[str]:
    """Statuses are what the schema says, and small."""
    for (kind, name), obj in quiet.objects.items():
        status = obj.get("status") or {}
        try:
            MODELS[kind].model_validate(status)
        except ValidationError as error:
            yield f"status of {name}: {error}"
        if len(json.dumps(status)) > STATUS_BYTES:
            yield f"status of {name} has {len(json.dumps(status))} bytes"
        if kind == "assets" and status.get("activeRuns"):
            yield f"status of {name} shows runs that are over: {status['activeRuns']}"
        if (status.get("observedGeneration")) != obj["metadata"]["generation"]:
            yield f"status of {name} is about generation {status.get('observedGeneration')}"


def materialized_kinds(ledger: Ledger) -> int:
    """Count materializations: a figure for the summary."""
    return sum(one.run.kind is RunKind.MATERIALIZE for one in ledger.created)
