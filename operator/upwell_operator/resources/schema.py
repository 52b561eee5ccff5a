"""From pydantic's JSON schema to the structural schema that a CustomResourceDefinition may hold.

Kubernetes knows a smaller language: no `$ref`, no `const`, no `title`, no null branch, and unknown fields are either
pruned (say nothing) or kept (`x-kubernetes-preserve-unknown-fields`).

Limits: enough for our models, which follow the rules in `model`; anything else raises instead of guessing.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from upwell_operator.resources.model import Json

PRESERVE = "x-kubernetes-preserve-unknown-fields"
_DROPPED = {"title", "discriminator", "$defs"}
_ORDER = ("description", "type", "format", "default", "enum")


def structural(model: type[BaseModel]) -> Json:
    """Give a model's structural schema. Raises ValueError for what Kubernetes cannot express."""
    whole = model.model_json_schema(by_alias=True, mode="validation")
    return _node(whole, whole.get("$defs", {}))


def _node(node: Json, defs: Json) -> Json:
    node = _resolved(node, defs)
    made = {key: value for key, value in node.items() if key not in _DROPPED}
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if "properties" in made:
        made["properties"] = {name: _node(child, defs) for name, child in made["properties"].items()}
    if "items" in made:
        made["items"] = _node(made["items"], defs)
    made.update(_rest(made.pop("additionalProperties", False), defs))
    _plain(made)
    return {key: made[key] for key in sorted(made, key=_rank)}


def _resolved(node: Json, defs: Json) -> Json:
    """Put what a node refers to in its place; what stands beside the reference wins."""
    if "$ref" in node:
        target = _resolved(defs[node["$ref"].rsplit("/", 1)[1]], defs)
        return {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    if "anyOf" in node:
        branches = [branch for branch in node["anyOf"] if branch != {"type": "null"}]
        beside = {
            key: value for key, value in node.items() if key != "anyOf" and not (key == "default" and value is None)
        }
        return {**_one(branches, defs), **beside}
    return node


def _one(branches: list[Json], defs: Json) -> Json:
    if sorted(branch.get("type", "") for branch in branches) == ["integer", "string"]:
        return {"anyOf": branches, "x-kubernetes-int-or-string": True}
    if len(branches) != 1:
        raise ValueError(f"a union cannot be said to Kubernetes: {branches}")
    return _resolved(branches[0], defs)


def _rest(additional: Any, defs: Json) -> Json:
    """Say what becomes of fields that are not listed."""
    if additional is True:
        return {PRESERVE: True}
    return {"additionalProperties": _node(additional, defs)} if additional else {}


def _plain(made: Json) -> None:
    """Reword what has another name, and leave out what says nothing."""
    if "const" in made:
        made["enum"] = [made.pop("const")]
    if made.get("default") in (None, [], (), ""):
        made.pop("default", None)
    if not made.get("required"):
        made.pop("required", None)


def _rank(key: str) -> tuple[int, str]:
    """Put what a person reads first first, and the long parts last."""
    if key in ("properties", "items", "additionalProperties"):
        return (len(_ORDER) + 1, key)
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)
