"""Kubernetes objects as values: copied, normalised to JSON, merged, compared.

Idea: what is stored is never changed in place; every write makes a new object, so that readers, watchers and the
history may share one. Limits: JSON only; a merge patch (RFC 7386) replaces lists whole, as the API server does for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple

from upwell_operator.cluster.port import Object
from upwell_operator.errors import Rejected


class Key(NamedTuple):
    """Where an object stands within its resource."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Write it as kubectl users do."""
        return f"{self.namespace}/{self.name}"


def key_of(obj: Object) -> Key:
    """Give namespace and name of an object that has both."""
    return Key(obj["metadata"]["namespace"], obj["metadata"]["name"])


def copied(value: Any) -> Any:
    """Copy JSON deeply; scalars are shared. `copy.deepcopy` would cost ten times as much."""
    kind = type(value)
    if kind is dict:
        return {name: copied(item) for name, item in value.items()}
    if kind is list:
        return [copied(item) for item in value]
    return value


def jsonable(value: Any, path: str = "object") -> Any:
    """Copy what came from outside into plain JSON. Raises Rejected naming the path of anything that is not JSON."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value, path)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {str(jsonable(name, path)): jsonable(item, f"{path}.{name}") for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise Rejected(f"{path}: {type(value).__name__} is not JSON; give text, numbers, booleans, lists or objects")


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7386): null deletes, objects merge, anything else replaces. Changes neither argument."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, item in patch.items():
        if item is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), item)
    return result


def three_way(applied: Object, wanted: Object) -> Object:
    """Give the merge patch of `kubectl apply`: all that is wanted, and null for what was applied and no longer is."""
    gone: Object = {name: None for name in applied if name not in wanted}
    for name, item in wanted.items():
        before = applied.get(name)
        gone[name] = three_way(before, item) if isinstance(before, dict) and isinstance(item, dict) else item
    return gone


def desired(obj: Object) -> Object:
    """Give what counts for `metadata.generation`: everything but metadata and status."""
    return {name: item for name, item in obj.items() if name not in ("metadata", "status")}


def stamp(moment: datetime) -> str:
    """Write a moment as Kubernetes does: RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
