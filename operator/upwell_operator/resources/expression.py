"""`holdWhen` as a field: a text in CEL that compiles, reads what a guard is given, and ends soon whatever the data is.

What it reads it names: `new.rows`, `old['row count']`, `'rows' in new`. Nothing else is given to it, or kept for it.

The library has no budget of time, as Kubernetes' own CEL has one: going through a list within a list of some thousand
entries takes minutes. So what goes through a list is refused, and what is left takes as long as its text.
Limits: an API server sees the form only; there what does not compile is refused by the condition Ready.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from upwell_operator.resources.model import Text

if TYPE_CHECKING:
    from cel import Program

LONGEST = 1000
NAMES = ("new", "old", "newVersion", "oldVersion")
FUNCTIONS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "int", "double", "string", "timestamp", "duration"}
)
"""What the library has, and figures may need."""
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(")
_READ = re.compile(
    r"""\b(?:new|old)\s*(?:\.\s*(?P<word>[A-Za-z_]\w*)|\[\s*(?P<quote>['"])(?P<text>.*?)(?P=quote)\s*\])"""
    r"""|(?P<mark>['"])(?P<looked_for>[^'"]*)(?P=mark)\s+in\s+(?:new|old)\b"""
)
_PARSER_SAYS = re.compile(r"ERROR: <input>:1:(?P<place>\d+): (?:Syntax error: )?(?P<why>[^\n]*)")
_WHY_CHARS = 80


@lru_cache(maxsize=1024)
def compiled(text: str) -> Program:
    """Give an expression ready to be evaluated. Raises ValueError with the sentence that says what is wrong with it."""
    from cel import compile as compile_  # noqa: PLC0415 - it loads a command line: 0.4 s that few commands need

    try:
        program = compile_(text)
    except ValueError as error:
        raise ValueError(f"it is no expression in CEL: {_why(str(error))}") from error
    if loop := _LOOP.search(text):
        raise ValueError(
            f"{loop[1]} goes through a list, which may take for ever; count where the data is observed, and record that"
        )
    _check("reads", program.variables(), NAMES)
    _check("calls", (name for name in program.functions() if name.isidentifier() and name[0] != "_"), FUNCTIONS)
    if not labels(text) and not {"newVersion", "oldVersion"} & {*program.variables()}:
        raise ValueError("it reads no metadata by its name, as new.rows or old['row count'] would")
    return program


def labels(text: str) -> tuple[str, ...]:
    """Give the labels of metadata that an expression reads: what it does not name, it is not given."""
    found = (one["word"] or one["text"] or one["looked_for"] or "" for one in _READ.finditer(text))
    return tuple(dict.fromkeys(label for label in found if label))


def _check(verb: str, used: Iterable[str], known: Collection[str]) -> None:
    for name in used:
        if name not in known:
            raise ValueError(f"it {verb} {name}; there is {', '.join(sorted(known))}")


def _why(told: str) -> str:
    found = _PARSER_SAYS.search(told)
    if found is None:
        return told[:_WHY_CHARS]
    return f"at character {found['place']}, {found['why'].partition(' expecting ')[0][:_WHY_CHARS]}"


def _compiles(text: str) -> str:
    try:
        compiled(text)
    except ValueError as error:
        raise PydanticCustomError("form", "{says}", {"says": str(error)}) from error
    return text


Expression = Annotated[
    str,
    Text("an expression is one line of CEL, such as new.rows < 0.5 * old.rows", r"^[^\x00-\x1f\x7f]+$", LONGEST),
    AfterValidator(_compiles),
]
