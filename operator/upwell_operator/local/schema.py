"""Our kinds as the API server takes them: the models' sentence for a wrong spec, the generated schema for all of it.

Limits: `kubectl apply` refuses unknown fields of a spec, and so does this; unknown fields of a status vanish, as they
do there, so that what the operator writes and the CRD does not know is missed here too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from upwell_operator.cluster.port import Object
from upwell_operator.errors import Rejected, Stalled
from upwell_operator.local.structural import conformed, violations
from upwell_operator.resources.asset import Asset
from upwell_operator.resources.crds import crd
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.parsing import parse

_SHOWN = 3


def admit_ours(obj: Object, old: Object | None) -> Object:
    """Give the object with the schema's defaults. Raises Rejected with field, value and remedy."""
    kind = Kind(obj["kind"])
    try:
        parse(kind, obj)
    except Stalled as error:
        raise _refused(obj, str(error)) from error
    if old is not None and kind is Kind.ASSET and _key(obj) != _key(old):
        rule = next(rule for rule in Asset.rules if rule.cel and "oldSelf" in rule.cel)
        raise _refused(obj, f"spec.key: {rule.message}")
    return _conformed(kind, obj, "spec")


def admit_status(obj: Object) -> Object:
    """Give the object with its status as the schema lets it be. Raises Rejected."""
    return _conformed(Kind(obj["kind"]), obj, "status")


def _conformed(kind: Kind, obj: Object, field: str) -> Object:
    if field not in obj:
        return obj
    schema = _schema(kind)["properties"][field]
    value = conformed(schema, obj[field])
    if wrong := list(violations(schema, value, field)):
        raise _refused(obj, "; ".join(wrong[:_SHOWN]))
    return {**obj, field: value}


@cache
def _schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _key(asset: Object) -> str:
    return str(asset["spec"].get("key") or asset["metadata"]["name"])


def _refused(obj: Object, why: str) -> Rejected:
    return Rejected(f'{obj["kind"]} "{obj["metadata"]["name"]}" is invalid: {why}')
