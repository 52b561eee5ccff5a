"""Objects for tests of the operator's mind: manifests as people write them, objects and Jobs as a watch brings them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from upwell_operator.domain.snapshot import Ref
from upwell_operator.local.objects import stamp
from upwell_operator.reconcile.queue import Key, Subject
from upwell_operator.resources.meta import API_VERSION, Label

Json = dict[str, Any]
NAMESPACE = "shop"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUNS = {"container": {"image": "registry.example/shop:1", "command": ["look"]}}


def a_manifest(kind: str, name: str, spec: Json, **meta: Any) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, **meta},
        "spec": spec,
    }


def a_source(name: str, **spec: Any) -> Json:
    """An observable source; `every` goes into `spec.observe`."""
    observe = {**RUNS, **({"every": spec.pop("every")} if "every" in spec else {})}
    return a_manifest("Asset", name, {"observe": observe, **spec})


def a_derived(name: str, *deps: str, eager: bool = False, **spec: Any) -> Json:
    policy = {"autoMaterialize": {"policy": "Eager"}} if eager else {}
    return a_manifest("Asset", name, {"deps": [{"name": dep} for dep in deps], "materialize": RUNS, **policy, **spec})


def an_observation_job(name: str, *assets: str, **spec: Any) -> Json:
    return a_manifest("ObservationJob", name, {"assets": list(assets), **spec})


def a_schedule(name: str, job: str, line: str, **spec: Any) -> Json:
    return a_manifest("Schedule", name, {"schedule": line, "job": {"name": job}, **spec})


def seen(obj: Json, version: int, **meta: Any) -> Json:
    """Give an object as a watch brings it."""
    bare = {"uid": f"uid-{obj['metadata']['name']}", "generation": 1, "creationTimestamp": stamp(START)}
    return {**obj, "metadata": {**bare, **obj["metadata"], "resourceVersion": str(version), **meta}}


def a_job(run: str, asset: str = "raw", *, kind: str = "observe", version: int = 1, **more: Any) -> Json:
    """Give the Job of a run as a watch brings it; `status` and annotations by name (`outcome`, `fence`, …)."""
    notes = {"asset": asset, "asset-key": asset, "fence": "1", "trigger": '{"type": "Request", "detail": "t1"}'}
    status = more.pop("status", {})
    notes |= {name.replace("_", "-"): value for name, value in more.items()}
    labels = {Label.MANAGED_BY: "upwell", Label.RUN: run, Label.RUN_KIND: kind}
    meta = {
        "name": run,
        "namespace": NAMESPACE,
        "uid": f"uid-{run}",
        "resourceVersion": str(version),
        "creationTimestamp": stamp(START),
        "labels": {key.value: value for key, value in labels.items()},
        "annotations": {f"upwell.dev/{name}": value for name, value in notes.items()},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "status": status}


def over(kind: str = "Complete", reason: str = "", message: str = "") -> Json:
    """Give the status of a Job that is over."""
    condition = {"type": kind, "status": "True", "reason": reason, "message": message}
    return {"conditions": [{**condition, "lastTransitionTime": stamp(START)}]}


def asset_key(name: str) -> Key:
    return Key(Subject.ASSET, Ref(NAMESPACE, name))


def job_key(name: str) -> Key:
    return Key(Subject.OBSERVATION_JOB, Ref(NAMESPACE, name))


def schedule_key(name: str) -> Key:
    return Key(Subject.SCHEDULE, Ref(NAMESPACE, name))


def run_key(name: str) -> Key:
    return Key(Subject.RUN, Ref(NAMESPACE, name))
