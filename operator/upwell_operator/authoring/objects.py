"""From definitions in Python to objects: an Asset for each function, an ObservationJob, a Schedule.

What Python does not say (volumes, variables, resources) comes from one template for all runs, or is patched onto the
manifests later. Limits: an object here is what its definition says; whether it is right is for the check to say.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
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
from upwell_operator.resources.observation_job import PartitionsPolicy

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

    def calling(self, function: str) -> Json:
        """Give the run of what is named as `module:function`."""
        own = said({
            "python": {"function": function},
            "image": self.image,
            "code": self.config_map and {"configMap": self.config_map},
        })  # fmt: skip
        return {**own, **strategic_merge(self.template, own)}


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
        self._source = loaded.source
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
            "observe" if observes else "materialize": self._runs.calling(self._reference(one)),
            "autoMaterialize": one.auto_materialize_policy and {"policy": one.auto_materialize_policy.policy},
        }
        obj = make(Kind.ASSET, self._assets[str(one.key)], self._namespace, spec)
        function = inspect.unwrap(one.function)
        code = getattr(function, "__code__", None)
        file = Path(code.co_filename) if code else self._source.file
        left_out = tuple(f"metadata {label!r}" for label in one.metadata)
        return Made(obj, f"{one.function.__qualname__} in {self._source.shown(file)}", file, line_of(code), left_out)

    def _reference(self, one: AssetDefinition) -> str:
        """Give `module:function` under which a pod will find the function again."""
        own = sys.modules.get(one.function.__module__)
        for module in filter(None, (own, self._source.module)):
            for name, value in vars(module).items():
                if value is one.function:
                    return f"{module.__name__}:{name}"
        raise Uncompilable(
            f"{one.key}: a pod could not find its function: no variable of module {one.function.__module__} or "
            f"{self._source.module.__name__} holds it; define it at the top of a module, or give it a name there"
        )

    def _job(self, one: AssetJobDefinition) -> Made:
        named = one.selection.named
        chosen = (
            {"selection": one.selection.text} if named is None else {"assets": [self._assets[str(k)] for k in named]}
        )
        spec = {**chosen, "partitions": _looked_at(one.partitions)}
        obj = make(Kind.OBSERVATION_JOB, self._jobs[one.name], self._namespace, spec, one.description)
        return Made(obj, f"job {one.name} in {self._source.shown()}", self._source.file)

    def _schedule(self, one: ScheduleDefinition) -> Made:
        stopped = one.default_status is DefaultScheduleStatus.STOPPED
        job = {"job": {"name": self._jobs[one.job_name]}}
        spec = scheduled(one.cron_schedule, one.execution_timezone, job, suspended=stopped)
        obj = make(Kind.SCHEDULE, self._schedules[one.name], self._namespace, spec, one.description)
        return Made(obj, f"schedule {one.name} in {self._source.shown()}", self._source.file)


def _looked_at(partitions: str | tuple[str, ...] | None) -> Json | None:
    if isinstance(partitions, tuple):
        return {"policy": PartitionsPolicy.KEYS.value, "keys": list(partitions)}
    return None if partitions is None else {"policy": partitions}


def scheduled(lines: Sequence[str], zone: str | None, what: Json, *, suspended: bool) -> Json:
    """Give the spec of a Schedule: when, and what."""
    first, *more = lines
    return {
        "schedule": None if more else first,
        "schedules": [first, *more] if more else None,
        "timeZone": zone,
        **what,
        "suspend": suspended or None,
    }


def make(kind: Kind, name: str, namespace: str | None, spec: Json, description: str | None = None) -> Json:
    """Give an object, without the fields that its definition does not say."""
    meta = {
        "name": name,
        "namespace": namespace,
        "annotations": description and {DESCRIPTION: description},
    }
    return {"apiVersion": API_VERSION, "kind": kind.value, "metadata": said(meta), "spec": said(spec)}


def line_of(code: Any) -> int:
    """Give the line where a function begins; the first, where nobody knows."""
    return int(code.co_firstlineno) if code else 1


def said(fields: Json) -> Json:
    """Leave out what the definition does not say."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
