"""The base of everything a user writes: a strict model, texts with a form, and rules that are said once.

A rule of a manifest is wanted in two places: in the API server, as CEL, and here, for `upwell dev` and `upwell lint`,
which have no API server. So a `Text` and a `Rule` hold both spellings side by side with the one sentence that is shown
to a person; a contract test feeds the same manifests to both and expects the same verdict.

Model rules that keep the way to a CRD short: no unions of models (optional siblings and a rule instead), `ge`/`le`
and never `gt`/`lt`, StrEnum instead of a literal, `X | None` only to say "may be left out".

Limits: one object at a time. What needs a second object (a missing dependency, a cycle) is the domain's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from upwell.protocol import camel

Json = dict[str, Any]
Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]
VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold between the fields of an object.

    `cel` is None for what CEL cannot see, `holds` is None for a transition, which has no old object here.
    `path` is the field that the message is about, below the object that carries the rule: `.image`. `reason` is one of
    Kubernetes' four; not FieldValueDuplicate, with which the API server leaves the message out.
    """

    message: str
    cel: str | None = None
    holds: Callable[[Any], bool] | None = None
    path: str = ""
    reason: str = "FieldValueInvalid"

    def as_cel(self) -> Json:
        """Give the entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.message, "reason": self.reason}
        return {**entry, "fieldPath": self.path} if self.path else entry


class Model(BaseModel):
    """A strict, frozen object with camelCase fields and the rules that hold between them."""

    model_config = ConfigDict(
        alias_generator=camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=False,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _hold_rules(self) -> Self:
        for rule in self.rules:
            if rule.holds is not None and not rule.holds(self):
                raise PydanticCustomError("rule", "{says}", {"says": rule.message, "path": rule.path})
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        """Add the rules to the JSON schema, from where `crds` takes them."""
        made = handler.resolve_ref_schema(handler(schema))
        if cel := [rule.as_cel() for rule in cls.rules if rule.cel]:
            made[VALIDATIONS] = cel
        return made


class Open(Model):
    """An object of Kubernetes' own, of which only a few fields are typed; the rest is kept as it is."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True)
class Text:
    """The form of a text: how long, which pattern, and the sentence that says what is wanted, with an example."""

    says: str
    pattern: str
    longest: int = 253
    shortest: int = 1
    _compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        inner = self.pattern.removeprefix("^").removesuffix("$")
        object.__setattr__(self, "_compiled", re.compile(inner))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check type, length and pattern; one sentence whatever is wrong with it."""
        text = core_schema.str_schema(strict=True)
        return core_schema.no_info_after_validator_function(self._check, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        """Give pattern and lengths, and the sentence as a CEL rule, because a bare pattern tells a person nothing."""
        # In CEL's own string literal a backslash is written twice.
        quoted = self.pattern.replace("\\", "\\\\")
        return {
            "type": "string",
            "minLength": self.shortest,
            "maxLength": self.longest,
            "pattern": self.pattern,
            VALIDATIONS: [{"rule": f"self.matches('{quoted}')", "message": self.says}],
        }

    def _check(self, value: str) -> str:
        if not self.shortest <= len(value) <= self.longest:
            limits = f"{self.says} (from {self.shortest} to {self.longest} characters, here {len(value)})"
            raise PydanticCustomError("form", "{says}", {"says": limits})
        if not self._compiled.fullmatch(value):
            raise PydanticCustomError("form", "{says}", {"says": self.says})
        return value


@dataclass(frozen=True, slots=True)
class Unique:
    """No two items of a list are equal: by these fields, or as a whole."""

    keys: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Refuse the first repetition, naming it."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        """Give Kubernetes' list type, which also lets several owners write parts of the list."""
        made = handler(schema)
        made["x-kubernetes-list-type"] = "map" if self.keys else "set"
        if self.keys:
            made["x-kubernetes-list-map-keys"] = [camel(key) for key in self.keys]
        return made

    def _check(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        seen = set()
        for item in items:
            identity = tuple(getattr(item, key) for key in self.keys) if self.keys else item
            if identity in seen:
                shown = ", ".join(map(str, identity)) if self.keys else identity
                raise PydanticCustomError("twice", "{says}", {"says": f'"{shown}" is listed twice; remove one of them'})
            seen.add(identity)
        return items


_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
Name = Annotated[
    str,
    Text(
        'a name is small letters, digits, "-" and ".", such as raw-orders',
        pattern=rf"^{_LABEL}(\.{_LABEL})*$",
    ),
]
_QUALIFIED = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
LabelKey = Annotated[
    str,
    Text(
        "a label's key is a word such as tier, with a domain and a slash before it if it has one",
        pattern=rf"^({_LABEL}(\.{_LABEL})*/)?{_QUALIFIED}$",
        longest=317,
    ),
]
LabelValue = Annotated[
    str,
    Text(
        'a label\'s value is letters, digits, "-", "_" and ".", such as raw',
        pattern=f"^({_QUALIFIED})?$",
        longest=63,
        shortest=0,
    ),
]
Namespace = Annotated[
    str,
    Text('a namespace is small letters, digits and "-", such as shop', pattern=f"^{_LABEL}$", longest=63),
]
