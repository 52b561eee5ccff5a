"""A strategic merge, as `kubectl patch` does it for a pod: lists of named things are merged by their key.

Rule: Kubernetes' `patchMergeKey` of the PodSpec's lists. A list without such a key is replaced, as there. `null` in the
overlay removes the field. Limits: no `$patch` directives.
"""

from __future__ import annotations

from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


def strategic_merge(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """Give `base` with `overlay` on top; neither is changed."""
    merged = dict(base)
    for field, value in overlay.items():
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = _value(field, base.get(field), value)
    return merged


def _value(field: str, below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return strategic_merge(below, above)
    if isinstance(below, list) and isinstance(above, list) and field in MERGE_KEYS:
        return _named(MERGE_KEYS[field], below, above)
    return above


def _named(key: str, below: list[Any], above: list[Any]) -> list[Any]:
    """Merge two lists by a key: what is in both is merged in its old place, what is new comes after."""
    items = {item.get(key): item for item in below}
    for item in above:
        items[item.get(key)] = strategic_merge(items.get(item.get(key), {}), item)
    return list(items.values())
