"""From a run that shall be, to the batch/v1 Job that is it.

Pure: the template of the spec and the installation's settings in, a dict out. The pod passes PodSecurity `restricted`
by default and holds one credential, a token for the server. Everything the server must be able to trust about a run
stands in the Job's annotations, which the pod cannot change.

Limits: one asset a run; `group_workloads` has the Job that several share. The order of
merging is Upwell's pod, then the everyday fields of the spec, then
`podTemplate`; Upwell's own environment variables win over everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from upwell.protocol import EXIT_PERMANENT, PROTOCOL_VERSION, Env, InputVersion, RunKind
from upwell_operator.domain import observed_partitions
from upwell_operator.domain.actions import StartRun
from upwell_operator.domain.identity import digest
from upwell_operator.domain.merge import strategic_merge
from upwell_operator.domain.snapshot import Ref, Trigger
from upwell_operator.resources.meta import API_VERSION, Annotation, Kind, Label
from upwell_operator.resources.pod import RunTemplate
from upwell_operator.settings import Settings

Json = dict[str, Any]
MAIN, SDK = "run", "upwell-sdk"
SDK_PATH, CODE_PATH = "/upwell/sdk", "/upwell/code"
TOKEN_FOLDER = "/var/run/secrets/upwell"  # noqa: S105  # a path, not a secret
RESULT_PATH = "/dev/termination-log"
TOKEN_SECONDS = 3600
RETRIES, TIMEOUT_SECONDS = 2, 3600
NO_FIELDS: Mapping[Env, str] = {}
NOBODY = 65532
LABEL_CHARS = 63
JOB_KIND: Json = {"apiVersion": "batch/v1", "kind": "Job"}


def job(start: StartRun, template: RunTemplate, settings: Settings) -> Json:
    """Give the Job of a run: named by its identity, owned by its asset."""
    labels = _labels(start)
    return {
        **JOB_KIND,
        "metadata": {
            "name": start.ref.name,
            "namespace": start.ref.namespace,
            "labels": labels,
            "annotations": _annotations(start),
            "ownerReferences": [owner(Kind.ASSET, start.asset.ref.name, start.asset.uid)],
        },
        "spec": {
            "backoffLimit": retries(start, template),
            "activeDeadlineSeconds": timeout_seconds(start, template),
            "podFailurePolicy": failure_policy("FailJob"),
            "template": pod(template, settings, labels, _facts(start, template, settings)),
        },
    }


def retries(start: StartRun, template: RunTemplate) -> int:
    """Say how often a run is tried again: as its asset says, else its ObservationJob, else twice."""
    return _first(template.retries, start.defaults.retries, RETRIES)


def timeout_seconds(start: StartRun, template: RunTemplate) -> int:
    """Say how long a run may take: as its asset says, else its ObservationJob, else an hour."""
    return _first(template.timeout_seconds, start.defaults.timeout_seconds, TIMEOUT_SECONDS)


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def label_value(name: str) -> str:
    """Give a resource name as a label value: as it is, or cut with a hash where a label may not be that long."""
    return name if len(name) <= LABEL_CHARS else f"{name[:48].rstrip('-.')}-{digest(name)}"


def inputs_json(inputs: tuple[InputVersion, ...]) -> str:
    """Write consumed versions as they stand in the Job's annotation and in `UPWELL_INPUTS`."""
    return json.dumps([{"name": one.name, "key": one.key, "dataVersion": one.data_version} for one in inputs])


def _labels(start: StartRun) -> dict[str, str]:
    labels = {
        Label.MANAGED_BY: "upwell",
        Label.RUN: start.ref.name,
        Label.ASSET: label_value(start.asset.ref.name),
        Label.RUN_KIND: start.kind.value,
    }
    if start.observation_job and start.job_run:
        labels |= {Label.OBSERVATION_JOB: label_value(start.observation_job), Label.JOB_RUN: start.job_run}
    return {key.value: value for key, value in labels.items()}


def _annotations(start: StartRun) -> dict[str, str]:
    facts = {
        Annotation.ASSET: start.asset.ref.name,
        Annotation.ASSET_KEY: start.asset.key,
        Annotation.FENCE: str(start.fence),
        Annotation.INPUTS: inputs_json(start.inputs),
        Annotation.CODE_VERSION: start.asset.code_version,
        Annotation.TRIGGER: trigger_json(start.trigger),
        Annotation.REQUEST: start.request,
        Annotation.PARTITION: start.partition,
        Annotation.OBSERVATION_JOB: start.observation_job,
    }
    return {key.value: value for key, value in facts.items() if value is not None}


def trigger_json(trigger: Trigger) -> str:
    """Write why a run is started, as it stands in the Job's annotation."""
    return json.dumps({"type": trigger.type.value, "detail": trigger.detail})


def owner(kind: Kind, name: str, uid: str) -> Json:
    """Give the reference with which a Job goes when its owner goes."""
    who = {"apiVersion": API_VERSION, "kind": kind.value, "name": name, "uid": uid}
    return {**who, "controller": True, "blockOwnerDeletion": True}


def failure_policy(permanent_action: str) -> Json:
    """Say what a failed pod means: what no retry can mend ends the Job, or its index; a disruption means nothing."""
    permanent = {"containerName": MAIN, "operator": "In", "values": [EXIT_PERMANENT]}
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    return {
        "rules": [
            {"action": permanent_action, "onExitCodes": permanent},
            {"action": "Ignore", "onPodConditions": disrupted},
        ]
    }


def pod(
    template: RunTemplate,
    settings: Settings,
    labels: Mapping[str, str],
    facts: Mapping[Env, str],
    fields: Mapping[Env, str] = NO_FIELDS,
) -> Json:
    """Give the pod of a Job. `facts` and `fields` of the pod itself become Upwell's own variables, which always win."""
    overlay = (
        template.pod_template.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        if template.pod_template
        else {}
    )
    built = {"metadata": {}, "spec": _pod_spec(template, settings)}
    merged = strategic_merge(built, overlay)
    merged["metadata"]["labels"] = {**merged["metadata"].get("labels", {}), **labels}
    main = next(one for one in merged["spec"]["containers"] if one["name"] == MAIN)
    main["env"] = _environment(main.get("env", []), template, facts, {**fields, Env.ATTEMPT: "metadata.name"})
    return merged


def _pod_spec(template: RunTemplate, settings: Settings) -> Json:
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _pod_security(),
        "containers": [_container(template, settings)],
        "volumes": [_token_volume(settings), *_code_volumes(template), *_dump(template.volumes)],
    }
    if template.python:
        spec["initContainers"] = [_sdk_container(settings)]
    if template.service_account_name:
        spec["serviceAccountName"] = template.service_account_name
    return spec


def _container(template: RunTemplate, settings: Settings) -> Json:
    given = (
        template.container.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        if template.container
        else None
    )
    container = given or {
        "image": template.image or settings.image,
        "command": ["python3", "-m", "upwell.runner"],
    }
    return {
        "name": MAIN,
        **{key: list(value) if isinstance(value, tuple) else value for key, value in container.items()},
        "env": _dump(template.env),
        "envFrom": list(template.env_from),
        "volumeMounts": [*_mounts(template), *_dump(template.volume_mounts)],
        "resources": template.resources.model_dump(by_alias=True, exclude_none=True) if template.resources else {},
        "terminationMessagePath": RESULT_PATH,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": _security(),
    }


def run_environment(ref: Ref, kind: RunKind, settings: Settings) -> dict[Env, str]:
    """Give what every pod of Upwell's is told: where it is, what it is part of, and whom it reports to."""
    return {
        Env.SERVER: settings.server_url.rstrip("/"),
        Env.TOKEN_FILE: f"{TOKEN_FOLDER}/token",
        Env.NAMESPACE: ref.namespace,
        Env.RUN: ref.name,
        Env.KIND: kind.value,
        Env.RESULT: RESULT_PATH,
    }


def _facts(start: StartRun, template: RunTemplate, settings: Settings) -> dict[Env, str]:
    facts = {
        Env.PROTOCOL: PROTOCOL_VERSION,
        **run_environment(start.ref, start.kind, settings),
        Env.ASSET_KEY: start.asset.key,
        Env.INPUTS: inputs_json(start.inputs),
    }
    if start.partition is not None:
        facts[Env.PARTITION] = start.partition
    if start.partitions:
        facts[Env.PARTITIONS] = observed_partitions.written(start.partitions)
    if start.asset.code_version:
        facts[Env.CODE_VERSION] = start.asset.code_version
    if template.python:
        facts[Env.FUNCTION] = template.python.function
    return facts


def _environment(
    given: list[Json], template: RunTemplate, facts: Mapping[Env, str], fields: Mapping[Env, str]
) -> list[Json]:
    """Put Upwell's variables after the user's; the user's PYTHONPATH is kept behind ours."""
    variables: dict[str, Json] = {one["name"]: one for one in given}
    if template.python:
        theirs = variables.pop("PYTHONPATH", {}).get("value")
        paths = ":".join(filter(None, (SDK_PATH, CODE_PATH, theirs)))
        variables |= {name: {"name": name, "value": value} for name, value in _python(paths).items()}
    variables |= {key.value: {"name": key.value, "value": value} for key, value in facts.items()}
    for key, path in fields.items():
        variables[key.value] = {"name": key.value, "valueFrom": {"fieldRef": {"fieldPath": path}}}
    return list(variables.values())


def _python(paths: str) -> dict[str, str]:
    """No bytecode beside code that is mounted read-only, and no buffer between a print and the log."""
    return {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def _sdk_container(settings: Settings) -> Json:
    return {
        "name": SDK,
        "image": settings.image,
        "command": ["cp", "-r", "/opt/upwell/sdk/.", f"{SDK_PATH}/"],
        "volumeMounts": [{"name": SDK, "mountPath": SDK_PATH}],
        "securityContext": _security(),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }


def _token_volume(settings: Settings) -> Json:
    token = {"audience": settings.audience, "expirationSeconds": TOKEN_SECONDS, "path": "token"}
    return {"name": "upwell-token", "projected": {"sources": [{"serviceAccountToken": token}]}}


def _code_volumes(template: RunTemplate) -> list[Json]:
    sdk = [{"name": SDK, "emptyDir": {}}] if template.python else []
    code = [{"name": "upwell-code", "configMap": {"name": template.code.config_map}}] if template.code else []
    return [*sdk, *code]


def _mounts(template: RunTemplate) -> list[Json]:
    token = {"name": "upwell-token", "mountPath": TOKEN_FOLDER, "readOnly": True}
    sdk = [{"name": SDK, "mountPath": SDK_PATH, "readOnly": True}] if template.python else []
    code = [{"name": "upwell-code", "mountPath": CODE_PATH, "readOnly": True}] if template.code else []
    return [token, *sdk, *code]


def _pod_security() -> Json:
    user = {"runAsNonRoot": True, "runAsUser": NOBODY, "runAsGroup": NOBODY, "fsGroup": NOBODY}
    return {**user, "seccompProfile": {"type": "RuntimeDefault"}}


def _security() -> Json:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _dump(items: tuple[Any, ...]) -> list[Json]:
    return [one.model_dump(by_alias=True, exclude_none=True) for one in items]
