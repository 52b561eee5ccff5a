"""Label selectors as the API server reads them: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`.

Limits: no numeric comparison (`>`, `<`), which only node affinity knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from upwell_operator.errors import Rejected

_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_SET = re.compile(rf"^(?P<key>{_KEY})\s+(?P<verb>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(rf"^(?P<key>{_KEY})\s*(?P<verb>==|!=|=)\s*(?P<values>[-A-Za-z0-9_.]*)$")
_EXISTS = re.compile(rf"^(?P<verb>!?)\s*(?P<key>{_KEY})$")
_COMMA = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause: `values` is None for a bare key; `negated` turns it round."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet it. `!=` and `notin` also hold where the label is absent, as in Kubernetes."""
        found = self.key in labels if self.values is None else labels.get(self.key) in self.values
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class Selector:
    """All clauses must hold; none means everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet every clause."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def parse_selector(text: str) -> Selector:
    """Read a selector. Raises Rejected naming the clause that is none."""
    clauses = [clause.strip() for clause in _COMMA.split(text)] if text.strip() else []
    return Selector(tuple(_requirement(clause) for clause in clauses))


def _requirement(clause: str) -> Requirement:
    if match := _SET.match(clause):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(match["key"], values, match["verb"] == "notin")
    if match := _EQUAL.match(clause):
        return Requirement(match["key"], frozenset({match["values"]}), match["verb"] == "!=")
    if match := _EXISTS.match(clause):
        return Requirement(match["key"], None, match["verb"] == "!")
    raise Rejected(
        f"label selector: {clause!r} is not a clause; write key=value, key!=value, key in (a,b), key or !key"
    )
