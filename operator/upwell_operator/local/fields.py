"""Walking the fields of a document that a person wrote: what is there, what is not known, a problem for each slip."""

from __future__ import annotations

from typing import Any

from upwell_operator.local.problems import Problem
from upwell_operator.local.yamlfile import Document, Steps


class Fields:
    """One document of fields; `supported` is the remedy for a field that is not known."""

    def __init__(self, document: Document, problems: list[Problem], supported: str) -> None:
        self.document, self.supported = document, supported
        self.value: dict[str, Any] = document.value
        self.folder = document.path.parent
        self._problems = problems

    def items(self, value: dict[str, Any], name: str, steps: Steps) -> list[Any]:
        """Give a list, empty if it is not there or is none."""
        items = value.get(name)
        if items is None or isinstance(items, list):
            return items or []
        self.problem((*steps, name), "is not a list", f"write {name}: [ … ]")
        return []

    def unknown(self, value: dict[str, Any], known: tuple[str, ...], steps: Steps) -> None:
        """Tell every field that is not known."""
        for name in value:
            if name not in known:
                self.problem((*steps, name), "is not supported on a laptop", self.supported)

    def problem(self, steps: Steps, message: str, remedy: str) -> None:
        """Tell what is wrong with a field."""
        line = self.document.line(steps)
        self._problems.append(Problem(self.document.path, line, message, remedy, field=field_name(steps)))


def field_name(steps: Steps) -> str:
    """Write steps as Kubernetes does: `spec.deps[0].name`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")
