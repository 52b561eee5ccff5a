"""From a group of runs to the one Indexed Job that carries them.

Every pod of it gets the whole list, and observes the members that name its index; so one pod that fails is tried again
by itself (`backoffLimitPerIndex`), and takes nothing from the others. How long a member may take, and how often it is
tried, is in the list, for the runner to see to; the Job's own deadline is the sum of it, for the pod with most to do.

Limits: Kubernetes has `backoffLimitPerIndex` and `FailIndex` since 1.29, and as stable since 1.33.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from upwell.protocol import PROTOCOL_VERSION, Env, RunKind
from upwell_operator.domain.actions import StartGroup, StartRun
from upwell_operator.domain.grouping import shares
from upwell_operator.domain.snapshot import Ref
from upwell_operator.domain.workloads import (
    JOB_KIND,
    failure_policy,
    label_value,
    owner,
    pod,
    retries,
    run_environment,
    timeout_seconds,
    trigger_json,
)
from upwell_operator.resources.meta import Annotation, Kind, Label
from upwell_operator.resources.pod import LONGEST_SECONDS, RunTemplate
from upwell_operator.settings import Settings

Json = dict[str, Any]
FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""Annotation of a pod: how many pods of its index failed before it."""
START_SECONDS = 300
"""What a pod may take until it observes: its image is pulled, its volumes are mounted."""


def group_job(start: StartGroup, templates: Mapping[Ref, RunTemplate], settings: Settings) -> Json:
    """Give the Job of a group: named by its identity, owned by its ObservationJob. `templates` are by asset."""
    labels = _labels(start)
    members = [
        _member(one, templates[one.asset.ref], index)
        for one, index in zip(start.members, shares(len(start.members), start.pods), strict=True)
    ]
    template = templates[start.members[0].asset.ref]
    return {
        **JOB_KIND,
        "metadata": {
            "name": start.ref.name,
            "namespace": start.ref.namespace,
            "labels": labels,
            "annotations": _annotations(start, members),
            "ownerReferences": [owner(Kind.OBSERVATION_JOB, start.job.ref.name, start.job.uid)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": start.pods,
            "parallelism": start.pods,
            "backoffLimitPerIndex": max(one["retries"] for one in members),
            "activeDeadlineSeconds": _deadline(members),
            "podFailurePolicy": failure_policy("FailIndex"),
            "template": pod(template, settings, labels, _environment(start, members, settings), _FIELDS),
        },
    }


_FIELDS = {Env.FAILURES: f"metadata.annotations['{FAILURES}']"}


def _member(start: StartRun, template: RunTemplate, index: int) -> Json:
    function = template.python.function if template.python else ""
    about = {"run": start.ref.name, "asset": start.asset.ref.name, "key": start.asset.key, "fence": start.fence}
    how = {
        "function": function,
        "timeoutSeconds": timeout_seconds(start, template),
        "retries": retries(start, template),
        "pod": index,
    }
    version = {"codeVersion": start.asset.code_version} if start.asset.code_version else {}
    return {**about, **how, **version}


def _labels(start: StartGroup) -> dict[str, str]:
    labels = {
        Label.MANAGED_BY: "upwell",
        Label.RUN: start.ref.name,
        Label.RUN_KIND: RunKind.OBSERVE.value,
        Label.OBSERVATION_JOB: label_value(start.job.ref.name),
        Label.JOB_RUN: start.job_run,
    }
    return {key.value: value for key, value in labels.items()}


def _annotations(start: StartGroup, members: Sequence[Json]) -> dict[str, str]:
    return {
        Annotation.MEMBERS.value: _dumps(members),
        Annotation.TRIGGER.value: trigger_json(start.members[0].trigger),
        Annotation.OBSERVATION_JOB.value: start.job.ref.name,
    }


def _environment(start: StartGroup, members: Sequence[Json], settings: Settings) -> dict[Env, str]:
    return {
        Env.PROTOCOL: PROTOCOL_VERSION,
        **run_environment(start.ref, RunKind.OBSERVE, settings),
        Env.MEMBERS: _dumps(members),
    }


def _deadline(members: Sequence[Json]) -> int:
    """Give what the pod with most to do may take: all its members, each as long as it may."""
    sums: dict[int, int] = {}
    for one in members:
        sums[one["pod"]] = sums.get(one["pod"], 0) + one["timeoutSeconds"]
    return min(LONGEST_SECONDS, max(sums.values()) + START_SECONDS)


def _dumps(members: Sequence[Json]) -> str:
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False)
