"""The CustomResourceDefinitions, made from the models: `render` gives the files of `crds/`.

Limits: pure text in, text out; who calls it writes the files, and a test compares them with what it gives. One version,
v1alpha1, so no conversion.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from upwell_operator.resources.asset import Asset
from upwell_operator.resources.condition import Resource
from upwell_operator.resources.meta import CATEGORY, GROUP, VERSION, ConditionType, Kind
from upwell_operator.resources.model import VALIDATIONS, Json
from upwell_operator.resources.observation_job import ObservationJob
from upwell_operator.resources.schedule import Schedule
from upwell_operator.resources.schema import structural

MODELS: dict[Kind, type[Resource]] = {
    Kind.ASSET: Asset,
    Kind.OBSERVATION_JOB: ObservationJob,
    Kind.SCHEDULE: Schedule,
}
SHORT_NAMES = {Kind.ASSET: "asset", Kind.OBSERVATION_JOB: "obsjob", Kind.SCHEDULE: "sched"}
MODULES = {Kind.ASSET: "asset.py", Kind.OBSERVATION_JOB: "observation_job.py", Kind.SCHEDULE: "schedule.py"}
MAX_BYTES = 256 * 1024
"""What a CRD may weigh, so that `kubectl apply`'s annotation still has room for it."""


class Column(NamedTuple):
    """One column of `kubectl get`; a wide one shows with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


def _of(condition: ConditionType, field: str) -> str:
    return f'.status.conditions[?(@.type=="{condition}")].{field}'


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
COLUMNS: dict[Kind, tuple[Column, ...]] = {
    Kind.ASSET: (
        Column("Key", ".status.key"),
        Column("Kind", ".status.kind"),
        Column("Version", ".status.shortVersion"),
        Column("Fresh", _of(ConditionType.FRESH, "status")),
        Column("Reason", _of(ConditionType.FRESH, "reason")),
        Column("Observed", ".status.lastObservation.time", "date"),
        Column("Materialized", ".status.lastMaterialization.time", "date"),
        _AGE,
        Column("Ready", _of(ConditionType.READY, "status"), wide=True),
        Column("Group", ".spec.group", wide=True),
        Column("Message", _of(ConditionType.FRESH, "message"), wide=True),
    ),
    Kind.OBSERVATION_JOB: (
        Column("Assets", ".status.assets.count", "integer"),
        Column("Suspend", ".spec.suspend", "boolean"),
        Column("Last Run", ".status.lastRun.phase"),
        Column("Succeeded", ".status.lastSuccessfulTime", "date"),
        Column("Ready", _of(ConditionType.READY, "status")),
        Column("Reason", _of(ConditionType.READY, "reason")),
        _AGE,
        Column("Changed", ".status.lastRun.changed", "integer", wide=True),
        Column("Failed", ".status.lastRun.failed", "integer", wide=True),
        Column("Message", _of(ConditionType.READY, "message"), wide=True),
    ),
    Kind.SCHEDULE: (
        Column("Schedule", ".spec.schedule"),
        Column("Schedules", ".spec.schedules", wide=True),
        Column("Time Zone", ".spec.timeZone"),
        Column("Job", ".spec.job.name"),
        Column("Materialize", ".spec.materialize.selection", wide=True),
        Column("Suspend", ".spec.suspend", "boolean"),
        Column("Last", ".status.lastScheduleTime", "date"),
        Column("Next", ".status.nextScheduleTime"),
        Column("Ready", _of(ConditionType.READY, "status")),
        _AGE,
        Column("Reason", _of(ConditionType.READY, "reason"), wide=True),
        Column("Missed", ".status.missedTicks", "integer", wide=True),
        Column("Message", _of(ConditionType.READY, "message"), wide=True),
    ),
}
_OUTER = {
    "apiVersion": {"description": f"The version of this kind's schema: {GROUP}/{VERSION}.", "type": "string"},
    "kind": {"description": "The kind of this resource.", "type": "string"},
    "metadata": {"type": "object"},
}


def render() -> dict[str, str]:
    """Give every CRD as YAML, by file name: `assets.yaml`."""
    return {f"{kind.plural}.yaml": _text(kind) for kind in MODELS}


def crd(kind: Kind) -> Json:
    """Give the CustomResourceDefinition of a kind as an object, ready to be applied."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": CATEGORY}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": _names(kind),
            "versions": [_version(kind)],
        },
    }


def _names(kind: Kind) -> Json:
    return {
        "kind": kind.value,
        "listKind": f"{kind.value}List",
        "plural": kind.plural,
        "singular": kind.value.lower(),
        "shortNames": [SHORT_NAMES[kind]],
        "categories": [CATEGORY],
    }


def _version(kind: Kind) -> Json:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in COLUMNS[kind]],
        "schema": {"openAPIV3Schema": _schema(kind)},
    }


def _column(column: Column) -> Json:
    made: Json = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**made, "priority": 1} if column.wide else made


def _schema(kind: Kind) -> Json:
    """Give the schema of a kind; the API server itself judges apiVersion, kind and metadata."""
    made = structural(MODELS[kind])
    made["properties"] = {**made["properties"], **_OUTER}
    made["required"] = ["spec"]
    return made


class _Literal(str):
    """A text that is written as a block, so that no line of it is folded."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: no anchors, blocks for rules and patterns."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature is PyYAML's
        """Write everything out: an anchor in a CRD helps nobody."""
        return True


_Dumper.add_representer(
    _Literal, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def _text(kind: Kind) -> str:
    source = f"operator/upwell_operator/resources/{MODULES[kind]}"
    body = yaml.dump(_unfolded(crd(kind)), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return f"# Generated by `make generate` from {source}: change that, not this file.\n{body}"


def _unfolded(node: Any, key: str = "") -> Any:
    """Mark the texts in which a fold would hurt a reader: CEL and patterns with spaces."""
    if isinstance(node, dict):
        return {name: _unfolded(child, "" if key == "properties" else name) for name, child in node.items()}
    if isinstance(node, (list, tuple)):
        return [_unfolded(child, key if key == VALIDATIONS else "") for child in node]
    return _Literal(node) if key in ("rule", "pattern") and " " in node else node
