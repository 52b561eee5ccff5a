"""Dagster's selection syntax: what a text selects by, as a value; `domain.selecting` says which assets that is.

    raw-orders   raw/*   key:daily   group:raw   tag:pii   tag:tier=gold   owner:"team:sales"   kind:csv
    not kind:csv   kind:csv and tag:pii   group:raw or group:mart         in the order in which they bind
    +daily   2+daily   raw-orders+   raw-orders+1                         with all, or so many, layers above or below
    roots(+daily)   sinks(group:mart)                                     of a selection, the first and the last

A bare word is a key. `*` stands for any characters, none included. A word with other characters than letters, digits
and `_ . / - @ : *`, or one that is a keyword, is written in quotes. Keywords may be capitals.

Limits: of Dagster's filters, those that ask for what Upwell has not (code locations, columns, branches) are refused. A
text has 1,024 characters at most, and brackets are nested 50 deep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

LONGEST, DEEPEST = 1024, 50


class By(StrEnum):
    """What a filter looks at."""

    KEY = "key"
    GROUP = "group"
    TAG = "tag"
    OWNER = "owner"
    KIND = "kind"


class Edge(StrEnum):
    """Which end of a selection."""

    ROOTS = "roots"
    SINKS = "sinks"


class SelectionError(ValueError):
    """A text that nobody can read; its words end with the text and a caret below the place."""

    def __init__(self, why: str, text: str, place: int) -> None:
        shown = re.sub(r"\s", " ", text)
        super().__init__(f"{why}\n  {shown}\n  {' ' * place}^")


@dataclass(frozen=True, slots=True)
class Matching:
    """Assets of which a filter holds: `pattern` may contain `*`; `value` is what a tag must be, None if anything."""

    by: By
    pattern: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """All assets but these."""

    of: Selection


@dataclass(frozen=True, slots=True)
class All:
    """Assets that every one of these selects."""

    of: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Assets that at least one of these selects."""

    of: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """These assets, and so many layers of what is above and below them; None is all layers."""

    of: Selection
    up: int | None = 0
    down: int | None = 0


@dataclass(frozen=True, slots=True)
class Ends:
    """Of these assets, those with none of these above them (roots), or below (sinks)."""

    which: Edge
    of: Selection


Selection = Matching | Not | All | Some | Around | Ends


@lru_cache(maxsize=1024)
def read_selection(text: str) -> Selection:
    """Read a selection. Raises SelectionError, which says where it cannot be read, and what could stand there."""
    from upwell_operator.resources.selection_grammar import parse  # noqa: PLC0415 - 0.1 s that few commands need

    return parse(text)
