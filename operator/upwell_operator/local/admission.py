"""What the embedded cluster refuses, as the API server would: bad names and labels, Jobs that cannot be, wrong specs.

Idea: for our three kinds the generated schema and the models decide; for Jobs the handful of rules that a spec of
ours can break. Limits: CEL is not run, the models know the same rules; pods are not validated beyond what a Job
needs.
"""

from __future__ import annotations

import re
from typing import Any

from upwell_operator.cluster.port import Object
from upwell_operator.errors import Rejected
from upwell_operator.local.kinds import OURS, Resource
from upwell_operator.local.schema import admit_ours

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
_LABEL_KEY = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
_MAX_NAME, _MAX_LABEL, _MAX_KEY = 253, 63, 317


def admit(row: Resource, obj: Object, old: Object | None) -> Object:
    """Give the object as it may be stored (with defaults), or raise Rejected with field, value and remedy."""
    _check_metadata(row, obj["metadata"])
    if row.plural == "jobs":
        _check_job(obj)
    return admit_ours(obj, old) if row.plural in OURS else obj


def refuse(row: Resource, name: str, why: str) -> Rejected:
    """Give the error in the API server's own words: kind, name, field, reason."""
    return Rejected(f'{row.kind} "{name}" is invalid: {why}')


def _check_metadata(row: Resource, meta: dict[str, Any]) -> None:
    name = meta["name"]
    if len(name) > _MAX_NAME or not _NAME.match(name):
        raise refuse(
            row, name, f"metadata.name: {name[:80]!r} must be lower case letters, digits, '-' or '.', at most 253"
        )
    if len(meta["namespace"]) > _MAX_LABEL or not _NAME.match(meta["namespace"]):
        raise refuse(row, name, f"metadata.namespace: {meta['namespace'][:80]!r} is not a namespace's name")
    for key, value in (meta.get("labels") or {}).items():
        if not (isinstance(value, str) and len(value) <= _MAX_LABEL and _LABEL_VALUE.match(value)):
            raise refuse(row, name, f"metadata.labels[{key}]: {str(value)[:80]!r} must be at most 63 of [A-Za-z0-9._-]")
        _check_key(row, name, "labels", key)
    for key, value in (meta.get("annotations") or {}).items():
        if not isinstance(value, str):
            raise refuse(
                row, name, f"metadata.annotations[{key}]: must be text, is {type(value).__name__}; put it in quotes"
            )
        _check_key(row, name, "annotations", key.lower())


def _check_key(row: Resource, name: str, where: str, key: str) -> None:
    if len(key) > _MAX_KEY or not _LABEL_KEY.match(key):
        raise refuse(row, name, f"metadata.{where}: {key[:80]!r} must be [prefix/]name")


def _check_job(job: Object) -> None:
    name = job["metadata"]["name"]
    pod = job.get("spec", {}).get("template", {}).get("spec", {})
    problems = [
        (not pod.get("containers"), "spec.template.spec.containers: Required value"),
        (len(name) > _MAX_LABEL, "metadata.name: must be no more than 63 characters"),
        (
            pod.get("restartPolicy") not in ("Never", "OnFailure"),
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (
            "podFailurePolicy" in job.get("spec", {}) and pod.get("restartPolicy") != "Never",
            'spec.template.spec.restartPolicy: only "Never" is supported when podFailurePolicy is specified',
        ),
    ]
    broken = [text for wrong, text in problems if wrong] + _container_problems(pod)
    if broken:
        raise Rejected(f'Job.batch "{name}" is invalid: {"; ".join(broken)}')


def _container_problems(pod: Object) -> list[str]:
    declared = {volume.get("name") for volume in pod.get("volumes") or ()}
    problems = []
    for field in ("initContainers", "containers"):
        for index, container in enumerate(pod.get(field) or ()):
            where = f"spec.template.spec.{field}[{index}]"
            problems += [f"{where}.{need}: Required value" for need in ("name", "image") if not container.get(need)]
            problems += [
                f"{where}.volumeMounts[{at}].name: Not found: {mount.get('name')!r}"
                for at, mount in enumerate(container.get("volumeMounts") or ())
                if mount.get("name") not in declared
            ]
    return problems
