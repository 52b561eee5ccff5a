"""What a structural schema does to an object: unknown fields vanish, defaults appear, the rest is checked.

Pure. Limits: the keywords that our generated CRDs use; rules in CEL and list types are not run, the models know
those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
_SIZES = {
    "minLength": (len, "at least {} characters", False),
    "maxLength": (len, "at most {} characters", True),
    "minItems": (len, "at least {} items", False),
    "maxItems": (len, "at most {} items", True),
    "maxProperties": (len, "at most {} entries", True),
    "minimum": (lambda value: value, "at least {}", False),
    "maximum": (lambda value: value, "at most {}", True),
}


def conformed(schema: Json, value: Any) -> Any:
    """Give a copy without unknown fields and nulls, and with the defaults."""
    if isinstance(value, dict):
        return _object(schema, value)
    if isinstance(value, list):
        return [conformed(schema.get("items", {_PRESERVE: True}), item) for item in value]
    return value


def violations(schema: Json, value: Any, path: str = "") -> Iterator[str]:
    """Give what is wrong, as `status.dataVersion: must have at most 512 characters`."""
    if _INT_OR_STRING in schema:
        return
    wanted = schema.get("type")
    if wanted and not _is(wanted, value):
        yield f"{path}: must be of type {wanted}, is {type(value).__name__}"
        return
    yield from (f"{path}: {text}" for text in _limits(schema, value))
    for name in schema.get("required", ()) if isinstance(value, dict) else ():
        if name not in value:
            yield f"{path}.{name}".lstrip(".") + ": Required value"
    for name, child, item in _children(schema, value):
        yield from violations(child, item, f"{path}{name}".lstrip("."))


def _object(schema: Json, value: Json) -> Json:
    known = schema.get("properties", {})
    keep_rest = _PRESERVE in schema or not (known or "additionalProperties" in schema or "type" in schema)
    rest = schema.get("additionalProperties", {_PRESERVE: True} if keep_rest else None)
    result = {}
    for name, item in value.items():
        child = known.get(name, rest)
        if child is not None and item is not None:
            result[name] = conformed(child, item)
    for name, child in known.items():
        if name not in result and "default" in child:
            result[name] = conformed(child, child["default"])
    return result


def _is(wanted: str, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted])


def _limits(schema: Json, value: Any) -> Iterator[str]:
    for keyword, (measure, words, upper) in _SIZES.items():
        if keyword in schema:
            size = measure(value)
            if size > schema[keyword] if upper else size < schema[keyword]:
                yield f"must have {words.format(schema[keyword])}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{value!r} does not match {schema['pattern']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{value!r} is not one of {', '.join(map(str, schema['enum']))}"


def _children(schema: Json, value: Any) -> Iterator[tuple[str, Json, Any]]:
    if isinstance(value, list) and "items" in schema:
        yield from ((f"[{index}]", schema["items"], item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            child = known.get(name, rest)
            if child:
                yield f".{name}", child, item
