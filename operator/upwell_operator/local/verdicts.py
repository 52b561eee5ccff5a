"""What a Job makes of an ended pod: done, try again, or failed, with Kubernetes' own reasons. Pure.

Limits: Jobs of one completion, and Indexed Jobs that count failures by index, which is what Upwell creates; of
podFailurePolicy the rules on exit codes, because no pod is evicted on a laptop. The first pause is 1 s where a cluster
takes 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from upwell_operator.cluster.port import Object

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 360.0
_DEFAULT_BACKOFF_LIMIT = 6
_MAX_POD_PREFIX = 57


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pod ended: the exit code of the container that decided, and its termination message."""

    code: int
    message: str = ""
    container: str = ""
    reason: str = ""


class Next(StrEnum):
    """What follows."""

    COMPLETE = "Complete"
    RETRY = "Retry"
    IGNORE = "Ignore"
    """Retry, and do not count it."""
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows, with the reason and message of the Job's condition."""

    next: Next
    reason: str = ""
    message: str = ""


def judge(job: Object, pod: str, ended: Ended, failed: int) -> Verdict:
    """Say what follows on a pod's end; `failed` counts failures with this one, of its index in an Indexed Job."""
    if ended.code == 0:
        return Verdict(Next.COMPLETE, "CompletionsReached", "Reached expected number of succeeded pods")
    for index, rule in enumerate(job["spec"].get("podFailurePolicy", {}).get("rules") or ()):
        if _matches(rule.get("onExitCodes"), ended):
            if rule["action"] == Next.IGNORE:
                return Verdict(Next.IGNORE)
            if rule["action"] in ("FailJob", "FailIndex"):
                return Verdict(Next.FAILED, "PodFailurePolicy", _policy_message(job, pod, ended, rule, index))
            break
    if failed > _backoff_limit(job["spec"]):
        return Verdict(Next.FAILED, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    return Verdict(Next.RETRY)


def whole(verdicts: Sequence[Verdict]) -> Verdict:
    """Say what a Job comes to whose indexes came to this."""
    if all(one.next is Next.COMPLETE for one in verdicts):
        return Verdict(Next.COMPLETE, "CompletionsReached", "Reached expected number of succeeded pods")
    return Verdict(Next.FAILED, "FailedIndexes", "Job has failed indexes")


def indexes(job: Object) -> range | None:
    """Give the indexes of an Indexed Job; None for any other."""
    spec = job["spec"]
    return range(spec.get("completions", 1)) if spec.get("completionMode") == "Indexed" else None


def _backoff_limit(spec: Object) -> int:
    per_index: int | None = spec.get("backoffLimitPerIndex")
    whole_job: int = spec.get("backoffLimit", _DEFAULT_BACKOFF_LIMIT)
    return whole_job if per_index is None else per_index


def pause(failed: int) -> float:
    """Give the seconds before the next attempt after so many failures: 1, 2, 4 … 360."""
    return float(min(FIRST_PAUSE * 2 ** max(failed - 1, 0), LONGEST_PAUSE))


def finished(job: Object) -> bool:
    """Say whether a Job is complete or failed."""
    conditions = job.get("status", {}).get("conditions") or ()
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def pod_of(job: Object, attempt: int, index: int | None = None, failed: int = 0) -> Object:
    """Build the pod of an attempt as the job controller would: labels, owner, and a name made from Job and attempt.

    In an Indexed Job it is told its index, and how many pods of the index failed before.
    """
    meta, template = job["metadata"], job["spec"]["template"]
    given: dict[str, Any] = template.get("metadata") or {}
    prefix = "batch.kubernetes.io/"
    own = {f"{prefix}controller-uid": meta["uid"], f"{prefix}job-name": meta["name"], "job-name": meta["name"]}
    seed = f"{meta['uid']} {meta['creationTimestamp']} {attempt} {index}"
    notes: dict[str, str] = dict(given.get("annotations") or {})
    if index is not None:
        own[f"{prefix}job-completion-index"] = str(index)
        notes[f"{prefix}job-completion-index"] = str(index)
        notes[f"{prefix}job-index-failure-count"] = str(failed)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name'][:_MAX_POD_PREFIX]}-{sha256(seed.encode()).hexdigest()[:5]}",
            "namespace": meta["namespace"],
            "labels": {**(given.get("labels") or {}), **own},
            "annotations": notes,
            "ownerReferences": [_owner(job)],
        },
        "spec": template["spec"] if index is None else _indexed(template["spec"], index),
    }


def _indexed(spec: Object, index: int) -> Object:
    """Tell every container its index, as Kubernetes does."""
    variable = {"name": "JOB_COMPLETION_INDEX", "value": str(index)}
    told = [{**one, "env": [*one.get("env", ()), variable]} for one in spec["containers"]]
    return {**spec, "containers": told}


def _owner(job: Object) -> Object:
    meta = job["metadata"]
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
    return {**reference, "controller": True, "blockOwnerDeletion": True}


def _matches(rule: Object | None, ended: Ended) -> bool:
    if not rule or rule.get("containerName") not in (None, ended.container):
        return False
    return (ended.code in rule["values"]) is (rule["operator"] == "In")


def _policy_message(job: Object, pod: str, ended: Ended, rule: Object, index: int) -> str:
    return (
        f"Container {ended.container} for pod {job['metadata']['namespace']}/{pod} failed with exit code {ended.code} "
        f"matching {rule['action']} rule at index {index}"
    )
