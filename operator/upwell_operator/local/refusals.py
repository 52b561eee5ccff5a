"""From the sentence of a refusal to the line of the manifest that it is about.

Whoever refuses names the field first: the API server (`Asset "x" is invalid: spec.key: why; remedy`), the models
(`spec.key: why; remedy`), the domain (`spec.deps[0].name "y" is no asset …`). Limits: a sentence that names no field is
about the object as a whole.
"""

from __future__ import annotations

import re

from upwell_operator.local.manifests import Manifest
from upwell_operator.local.problems import Problem
from upwell_operator.local.yamlfile import Steps

_FIELD = re.compile(r"^(?P<field>(?:spec|metadata|apiVersion|kind)\b[\w.\[\]-]*)(?P<colon>:?) (?P<said>.*)$", re.DOTALL)


def refusal(manifest: Manifest, text: str, reason: str = "", field: str = "") -> Problem:
    """Give the problem that a sentence tells; `field` is what it is about if it names none."""
    said = text.partition(" is invalid: ")[2] or text
    found = _FIELD.match(said)
    field = found["field"] if found else field
    why, _, remedy = (found["said"] if found and found["colon"] else said).partition("; ")
    return manifest.problem(steps_of(field) if field else (), why, remedy, field, reason)


def steps_of(field: str) -> Steps:
    """Read `spec.deps[0].name` as steps."""
    steps: list[str | int] = []
    for part in field.replace("[", ".[").split("."):
        inner = part.strip("[]")
        steps.append(int(inner) if part.startswith("[") and inner.isdigit() else inner)
    return tuple(steps)
