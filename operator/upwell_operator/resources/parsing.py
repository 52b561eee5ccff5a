"""Manifests in, models out; and where one cannot be read, a sentence for whoever wrote it.

The API server refuses most mistakes before they come here. They come here all the same: from `upwell dev` and
`upwell lint`, which have no API server, and from objects that were written before a rule existed.

Limits: status is not read here. What an older or newer operator wrote must never make a spec invalid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args, overload

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from upwell_operator.errors import Stalled
from upwell_operator.resources.asset import Asset
from upwell_operator.resources.condition import Resource
from upwell_operator.resources.meta import API_VERSION, Kind, Reason
from upwell_operator.resources.observation_job import ObservationJob
from upwell_operator.resources.schedule import Schedule

Kinds = Asset | ObservationJob | Schedule
MODELS: dict[Kind, type[Asset | ObservationJob | Schedule]] = {
    Kind.ASSET: Asset,
    Kind.OBSERVATION_JOB: ObservationJob,
    Kind.SCHEDULE: Schedule,
}
_SHOWN = 3
"""Mistakes told at once; the next ones show when these are mended."""
_VALUE_CHARS = 60
_TYPES = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list",
    "dict_type": "a map of names to values",
    "model_type": "a map of fields",
    "model_attributes_type": "a map of fields",
}


@overload
def parse(kind: Literal[Kind.ASSET], obj: Mapping[str, Any]) -> Asset: ...
@overload
def parse(kind: Literal[Kind.OBSERVATION_JOB], obj: Mapping[str, Any]) -> ObservationJob: ...
@overload
def parse(kind: Literal[Kind.SCHEDULE], obj: Mapping[str, Any]) -> Schedule: ...
@overload
def parse(kind: Kind, obj: Mapping[str, Any]) -> Kinds: ...
def parse(kind: Kind, obj: Mapping[str, Any]) -> Kinds:
    """Read a manifest as the kind it should be; `status` is left out.

    Raises Stalled(InvalidSpec) with at most three sentences of the form `spec.key: what is wrong; what to do`.
    """
    _expect(obj, "apiVersion", API_VERSION)
    _expect(obj, "kind", kind.value)
    try:
        return MODELS[kind].model_validate({key: value for key, value in obj.items() if key != "status"})
    except ValidationError as error:
        raise Stalled(Reason.INVALID_SPEC, explain(error, MODELS[kind])) from error


def explain(error: ValidationError, model: type[Resource]) -> str:
    """Give the sentences of a validation error, each with the field's path, for a person."""
    found = error.errors(include_url=False)
    told = "; ".join(f"{_path(one)}: {_sentence(one, model)}" for one in found[:_SHOWN])
    return told if len(found) <= _SHOWN else f"{told}; and {len(found) - _SHOWN} more"


def _expect(obj: Mapping[str, Any], field: str, wanted: str) -> None:
    if obj.get(field) != wanted:
        raise Stalled(Reason.INVALID_SPEC, f"{field}: {_shown(obj.get(field))} is not known here; write {wanted}")


def _path(error: ErrorDetails) -> str:
    """Write the place as people do: `spec.deps[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    return f"{text}{error.get('ctx', {}).get('path', '')}".lstrip(".")


def _sentence(error: ErrorDetails, model: type[Resource]) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind in ("rule", "twice", "selection"):
        return str(context["says"])
    if kind == "form":
        return f"{_shown(value)} cannot be used: {context['says']}"
    if kind == "extra_forbidden":
        return _unknown(str(error["loc"][-1]), _fields(model, error["loc"][:-1]))
    if kind == "missing":
        return f"is missing; add it{_hint(model, error['loc'])}"
    return f"{_shown(value)} is not {_TYPES[kind]}" if kind in _TYPES else _bound(error)


def _bound(error: ErrorDetails) -> str:
    """Say which limit was passed, or which words are allowed."""
    context, value = error.get("ctx", {}), error["input"]
    if error["type"] == "enum":
        words = str(context["expected"]).replace("'", "")
        return f"{_shown(value)} is not one of {words}{_near(str(value), words.replace(' or ', ', ').split(', '))}"
    if error["type"] in ("too_long", "too_short"):
        side, limit = ("most", "max_length") if "max_length" in context else ("least", "min_length")
        return f"has {context['actual_length']} entries; at {side} {context[limit]} are allowed"
    for bound, words in (("ge", "at least"), ("le", "at most")):
        if bound in context:
            return f"{_shown(value)} cannot be used; it must be {words} {context[bound]}"
    return f"{_shown(value)} cannot be used: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _unknown(name: str, known: list[str]) -> str:
    remedy = _near(name, known) or f"; remove it, or use one of {', '.join(known)}"
    return f"there is no such field{remedy}"


def _near(word: str, known: list[str]) -> str:
    by_lower = {one.lower(): one for one in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[found[0]]}?" if found else ""


def _hint(model: type[Resource], loc: tuple[int | str, ...]) -> str:
    """Give the first sentence of the missing field's description."""
    owner = _model_at(model, loc[:-1])
    field = _field(owner, str(loc[-1])) if owner else None
    said = (field.description or "").split(". ")[0].rstrip(".") if field else ""
    return f" ({said})" if said else ""


def _fields(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    owner = _model_at(model, loc)
    return sorted(field.alias or name for name, field in owner.model_fields.items()) if owner else []


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Give the model that stands at a place of the manifest."""
    here: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, str) and here is not None:
            field = _field(here, part)
            here = _model_in(field.annotation) if field else None
    return here


def _field(model: type[BaseModel], alias: str) -> Any:
    return next((field for name, field in model.model_fields.items() if alias in (field.alias, name)), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside an annotation such as `tuple[Dep, ...]` or `Observe | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _VALUE_CHARS else f"{text[: _VALUE_CHARS - 1]}…"
