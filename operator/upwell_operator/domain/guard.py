"""A guard: whether a new data version may pass, by its metadata and that of the version accepted before.

What cannot be told is held: a figure that is missing, a comparison of a text with a number. `old` is empty where
nothing is known of the accepted version. decisions/0026 tells what follows.

Limits: numbers are doubles, as in JSON, so `0.5 * old.rows` holds for rows that were counted; a value that takes more
than `VALUE_CHARS` as JSON, or is nested deeper than `NESTED`, is left out: so an evaluation is short.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from upwell.protocol import MetadataEntry
from upwell_operator.domain.snapshot import Guard
from upwell_operator.domain.texts import SHORT, clipped
from upwell_operator.resources.expression import compiled, labels

Figures = Mapping[str, Any]
"""Metadata by label, each value as JSON has it, but for numbers, which are all doubles."""
VALUE_CHARS, NESTED = 4096, 20
_SHOWN_CHARS = 40
_MOST_SHOWN = 5
_ERROR_CHARS = 200


class Judged(NamedTuple):
    """A data version, with what is known of it."""

    version: str
    figures: Figures


class _NoFigureError(ValueError):
    """A value that is too long, or nested too deep, to be compared."""


def figures_of(guard: Guard, metadata: Mapping[str, MetadataEntry]) -> dict[str, Any]:
    """Give those entries of an event's metadata that a guard reads."""
    found = {}
    for label in labels(guard.hold_when):
        with suppress(KeyError, _NoFigureError):
            found[label] = _figure(metadata[label])
    return found


def _figure(entry: MetadataEntry) -> Any:
    value = _doubles(_number(entry), NESTED)
    if len(written(value)) > VALUE_CHARS:
        raise _NoFigureError
    return value


def _number(entry: MetadataEntry) -> Any:
    """Give an entry's value; numbers that JSON has not are texts on the wire."""
    if entry.type in ("int", "float") and isinstance(entry.value, str):
        with suppress(ValueError):
            return float(entry.value)
    return entry.value


def _doubles(value: Any, room: int) -> Any:
    if isinstance(value, list | dict) and not room:
        raise _NoFigureError
    if isinstance(value, list):
        return [_doubles(one, room - 1) for one in value]
    if isinstance(value, dict):
        return {name: _doubles(one, room - 1) for name, one in value.items()}
    return _double(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def written(value: Any) -> str:
    """Give a value as JSON, as status and the store keep it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def held(guard: Guard, key: str, new: Judged, old: Judged) -> str:
    """Give the words for which a version is held; empty if it may pass."""
    why = _why(guard, new, old)
    if not why:
        return ""
    short = new.version[:SHORT]
    out = f"release it with `upwell release {key} --version {short}`, reject it with `upwell quarantine {key} {short}`"
    return clipped(f"version {short} is held: {why}; {out}")


def _why(guard: Guard, new: Judged, old: Judged) -> str:
    given = {"new": dict(new.figures), "old": dict(old.figures), "newVersion": new.version, "oldVersion": old.version}
    try:
        true = compiled(guard.hold_when).execute(given)
    except Exception as error:  # noqa: BLE001 - whatever it is that cannot be told, a person must look
        return f"it cannot be told whether {guard.hold_when}: {_missing(guard, new, old) or _first_words(error)}"
    if not isinstance(true, bool):
        return f"{guard.hold_when} is {_shown(true)}, neither true nor false"
    shown = _compared(guard, new, old)
    return f"{guard.message or f'{guard.hold_when} is true'}{f' ({shown})' if shown else ''}" if true else ""


def _missing(guard: Guard, new: Judged, old: Judged) -> str:
    """Name the figures that the expression reads, and that a version has not."""
    return " and ".join(
        f"{which} {one.version[:SHORT]} has no metadata {label!r}"
        for which, one in (("version", new), ("the version accepted before,", old))
        for label in labels(guard.hold_when)
        if label not in one.figures
    )


def _compared(guard: Guard, new: Judged, old: Judged) -> str:
    """Give the figures that the expression reads: `rows 40, before 100`."""
    pairs = (_pair(label, new, old) for label in labels(guard.hold_when)[:_MOST_SHOWN])
    return "; ".join(words for pair in pairs if (words := ", ".join(pair)))


def _pair(label: str, new: Judged, old: Judged) -> Iterator[str]:
    for which, words in ((new, label), (old, "before")):
        if label in which.figures:
            yield f"{words} {_shown(which.figures[label])}"


def _shown(value: Any) -> str:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return clipped(written(whole), _SHOWN_CHARS)


def _first_words(error: Exception) -> str:
    return clipped(str(error).strip().partition(". ")[0].replace("\n", " "), _ERROR_CHARS)
