"""Objects as the tests apply them: assets whose runs are a shell line or a Python function, and what goes with them."""

from __future__ import annotations

from typing import Any

from cluster.kubectl import Json, Kubectl

SHELL = "localhost/shell:1"
API = "upwell.dev/v1alpha1"


def named(kind: str, name: str, spec: Json, requested: str = "") -> Json:
    """Give an object of one of our kinds, with a request if there is one."""
    annotations = {"upwell.dev/requested-at": requested} if requested else {}
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "annotations": annotations}, "spec": spec}


def asset(name: str, *, requested: str = "", **spec: Any) -> Json:
    """Give an Asset."""
    return named("Asset", name, spec, requested)


def job(name: str, *assets: str, requested: str = "", **spec: Any) -> Json:
    """Give an ObservationJob: of these assets, or of what `spec` selects."""
    return named("ObservationJob", name, {**({"assets": list(assets)} if assets else {}), **spec}, requested)


def schedule(name: str, line: str, job: str, **spec: Any) -> Json:
    """Give a Schedule."""
    return named("Schedule", name, {"schedule": line, "job": {"name": job}, **spec})


def shell(script: str, **more: Any) -> Json:
    """Give a run that is a line of shell."""
    return {"container": {"image": SHELL, "command": ["sh", "-c", script]}, "retries": 0, **more}


def result(json: str) -> str:
    """Give the line of shell that leaves a result."""
    return f"echo '{json}' > $UPWELL_RESULT"


def python(function: str, code: str, **more: Any) -> Json:
    """Give a run that is a function of a ConfigMap."""
    return {"python": {"function": function}, "code": {"configMap": code}, "retries": 0, **more}


def config_map(name: str, **files: str) -> Json:
    """Give a ConfigMap of Python files: `module="text"`."""
    data = {f"{module}.py": text for module, text in files.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def version(kubectl: Kubectl, name: str) -> str | None:
    """Give the data version that an asset's status shows."""
    status = kubectl.get("asset", name).get("status") or {}
    return status.get("dataVersion")


def runs(kubectl: Kubectl, name: str) -> list[Json]:
    """Give the Jobs of an asset."""
    return kubectl.list("jobs", f"upwell.dev/asset={name}")
