"""From definitions in Python to objects: an Asset for each function, an ObservationJob, a Schedule.

What Python does not say (volumes, variables, resources) comes from one template for all runs, or is patched onto the
manifests later. Limits: an object here is what its definition says; whether it is right is for the check to say.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upwell.definitions import AssetDefinition
from upwell.jobs import AssetJobDefinition, DefaultScheduleStatus, ScheduleDefinition
from upwell.protocol import RunKind
from upwell_operator.authoring.cutting import partitions_of
from upwell_operator.authoring.loading import Loaded
from upwell_operator.authoring.naming import names_of
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.domain.merge import strategic_merge
from upwell_operator.resources.meta import API_VERSION, Kind

Json = dict[str, Any]
DESCRIPTION = "kubernetes.io/description"
"""Kubernetes' own annotation for what an object is, for kinds that have no field for it."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What all runs have in common."""

    image: str | None = None
    config_map: str | None = None
    template: Json = field(default_factory=dict)
    """Fields of `spec.observe` and `spec.materialize`, under those that the definition says."""


@dataclass(frozen=True, slots=True)
class Made:
    """An object, and where it comes from: for its comment, and for what is said about it."""

    obj: Json
    origin: str
    file: Path
    line: int = 1
    left_out: tuple[str, ...] = ()
    """What the definition says and no field can hold."""


def objects(loaded: Loaded, runs: Runs, namespace: str | None) -> list[Made]:
    """Give the objects of a module, in the order in which it defines them. Raises Uncompilable."""
    return list(_Maker(loaded, runs, namespace).all())


class _Maker:
    """Knows the names."""

    def __init__(self, loaded: Loaded, runs: Runs, namespace: str | None) -> None:
        self._loaded, self._runs, self._namespace = loaded, runs, namespace
        made = loaded.definitions
        keys = [str(key) for one in made.assets for key in (one.key, *one.deps)]
        named = [str(key) for job in made.jobs for key in job.selection.named or ()]
        self._assets = names_of("the keys", [*keys, *named])
        self._jobs = names_of("the jobs", [*(one.name for one in made.jobs), *(one.job_name for one in made.schedules)])
        self._schedules = names_of("the schedules", [one.name for one in made.schedules])

    def all(self) -> Iterator[Made]:
        yield from (self._asset(one) for one in self._loaded.definitions.assets)
        yield from (self._job(one) for one in self._loaded.definitions.jobs)
        yield from (self._schedule(one) for one in self._loaded.definitions.schedules)

    def _asset(self, one: AssetDefinition) -> Made:
        observes = one.kind is RunKind.OBSERVE
        spec = {
            "key": str(one.key),
            "description": one.description,
            "group": one.group_name,
            "owners": list(one.owners),
            "tags": dict(one.tags),
            "kinds": list(one.kinds),
            "deps": [{"name": self._assets[str(dep)]} for dep in one.deps],
            "codeVersion": one.code_version,
            "partitions": one.partitions_def and partitions_of(one.partitions_def),
            "observe" if observes else "materialize": self._run(one),
            "autoMaterialize": one.auto_materialize_policy and {"policy": one.auto_materialize_policy.policy},
        }
        obj = self._object(Kind.ASSET, self._assets[str(one.key)], spec)
        function = inspect.unwrap(one.function)
        code = getattr(function, "__code__", None)
        file = Path(code.co_filename) if code else self._loaded.file
        left_out = tuple(f"metadata {label!r}" for label in one.metadata)
        return Made(obj, f"{one.function.__qualname__} in {self._shown(file)}", file, _line(code), left_out)

    def _run(self, one: AssetDefinition) -> Json:
        own = _said({
            "python": {"function": self._reference(one)},
            "image": self._runs.image,
            "code": self._runs.config_map and {"configMap": self._runs.config_map},
        })  # fmt: skip
        return {**own, **strategic_merge(self._runs.template, own)}

    def _reference(self, one: AssetDefinition) -> str:
        """Give `module:function` under which a pod will find the function again."""
        own = sys.modules.get(one.function.__module__)
        for module in filter(None, (own, self._loaded.module)):
            for name, value in vars(module).items():
                if value is one.function:
                    return f"{module.__name__}:{name}"
        raise Uncompilable(
            f"{one.key}: a pod could not find its function: no variable of module {one.function.__module__} or "
            f"{self._loaded.module.__name__} holds it; define it at the top of a module, or give it a name there"
        )

    def _job(self, one: AssetJobDefinition) -> Made:
        named = one.selection.named
        chosen = (
            {"selection": one.selection.text} if named is None else {"assets": [self._assets[str(k)] for k in named]}
        )
        obj = self._object(Kind.OBSERVATION_JOB, self._jobs[one.name], chosen, one.description)
        return Made(obj, f"job {one.name} in {self._shown(self._loaded.file)}", self._loaded.file)

    def _schedule(self, one: ScheduleDefinition) -> Made:
        first, *more = one.cron_schedule
        spec = {
            "schedule": None if more else first,
            "schedules": [first, *more] if more else None,
            "timeZone": one.execution_timezone,
            "job": {"name": self._jobs[one.job_name]},
            "suspend": one.default_status is DefaultScheduleStatus.STOPPED or None,
        }
        obj = self._object(Kind.SCHEDULE, self._schedules[one.name], spec, one.description)
        return Made(obj, f"schedule {one.name} in {self._shown(self._loaded.file)}", self._loaded.file)

    def _object(self, kind: Kind, name: str, spec: Json, description: str | None = None) -> Json:
        meta = {
            "name": name,
            "namespace": self._namespace,
            "annotations": description and {DESCRIPTION: description},
        }
        return {"apiVersion": API_VERSION, "kind": kind.value, "metadata": _said(meta), "spec": _said(spec)}

    def _shown(self, file: Path) -> str:
        """Write a file as it is called from the top of its module, the same on every machine."""
        inside = file.resolve().is_relative_to(self._loaded.folder)
        return file.resolve().relative_to(self._loaded.folder).as_posix() if inside else file.name


def _line(code: Any) -> int:
    return int(code.co_firstlineno) if code else 1


def _said(fields: Json) -> Json:
    """Leave out what the definition does not say."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
