"""Partitions: which keys an asset has, what is wrong with one that it has not, and which versions an event reports.

Limits: `Dynamic` keys are whatever was reported; windows of time are a room of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from pydantic import ValidationError

from upwell.protocol import Event
from upwell_operator.domain import windows
from upwell_operator.domain.windows import TimeWindow
from upwell_operator.errors import Rejected, Stalled
from upwell_operator.resources import partitions as model

SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Static:
    """Listed keys."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Whatever was reported."""


Dimension = Static | TimeWindow | Dynamic


@dataclass(frozen=True, slots=True)
class Multi:
    """Two dimensions, in the order of their names."""

    names: tuple[str, str]
    dimensions: tuple[Dimension, Dimension]


Partitions = Dimension | Multi


def accept(written: model.Partitions) -> Partitions:
    """Give the definition as decisions see it. Raises Stalled(InvalidSpec) naming field, value and remedy."""
    if written.multi is None:
        return _dimension(written, "spec.partitions")
    names = sorted(written.multi)
    first, second = (_dimension(written.multi[name], f"spec.partitions.multi.{name}") for name in names)
    return Multi((names[0], names[1]), (first, second))


def dimensions(partitions: Partitions) -> tuple[Dimension, ...]:
    """Give the dimensions of a definition; one that has no others is its own."""
    return partitions.dimensions if isinstance(partitions, Multi) else (partitions,)


def parts(partitions: Partitions, key: str) -> list[str]:
    """Give a key's part of each dimension."""
    return key.split(SEPARATOR) if isinstance(partitions, Multi) else [key]


def is_open(partitions: Partitions | None) -> bool:
    """Say whether nobody knows the keys beforehand: then there are those that were reported, here or above."""
    return partitions is not None and any(isinstance(one, Dynamic) for one in dimensions(partitions))


def problem(partitions: Partitions, key: str, now: datetime) -> str | None:
    """Say why the asset has no partition of this key now, or None if it has one."""
    match partitions:
        case Static(keys):
            return None if key in keys else f'"{key}" is not one of the partitions: {_some(keys)}'
        case TimeWindow():
            return windows.problem(partitions, key, now)
        case Dynamic():
            return f'"{key}" has a "{SEPARATOR}", which separates two dimensions' if SEPARATOR in key else None
    parts = key.split(SEPARATOR)
    if len(parts) != len(partitions.names):
        return f'"{key}" must be two keys joined by "{SEPARATOR}": {SEPARATOR.join(partitions.names)}'
    found = (problem(one, part, now) for one, part in zip(partitions.dimensions, parts, strict=True))
    named = (f"{name}: {text}" for name, text in zip(partitions.names, found, strict=True) if text)
    return next(named, None)


def versions(partitions: Partitions | None, event: Event, now: datetime) -> Mapping[str, str]:
    """Give the versions of partitions that an event reports of an asset. Raises Rejected: "field: what is wrong."."""
    if event.partition is not None and event.data_version is not None:
        found: Mapping[str, str] = {event.partition: event.data_version}
    else:
        found = event.partitions
    if partitions is not None:
        _check_keys(partitions, event, now)
    elif found:
        raise Rejected(f"partitions: the asset {event.asset_key!r} has no spec.partitions; report one dataVersion.")
    return found


def checked(partitions: Partitions, keys: Sequence[str], now: datetime) -> Sequence[str]:
    """Give keys back. Raises Rejected for the first that the asset has no partition of now."""
    wrong = next(filter(None, (problem(partitions, key, now) for key in keys)), None)
    if wrong:
        raise Rejected(wrong)
    return keys


def _check_keys(partitions: Partitions, event: Event, now: datetime) -> None:
    if event.data_version is not None and event.partition is None:
        raise Rejected("dataVersion: the asset is partitioned; report versions by partition (DataVersionsByPartition).")
    for key in event.partitions if event.partition is None else (event.partition,):
        wrong = problem(partitions, key, now)
        if wrong:
            raise Rejected(f"partition: {wrong}.")


def written(spec: Mapping[str, Any]) -> Partitions | None:
    """Give the definition in an Asset's own JSON; None if there is none, or none that can be read."""
    try:
        return accept(model.Partitions.model_validate(spec["partitions"])) if spec.get("partitions") else None
    except (ValidationError, Stalled):
        return None


def total(partitions: Partitions, now: datetime) -> int | None:
    """Give how many partitions the asset has now; None if that is not known beforehand (dynamic)."""
    match partitions:
        case Static(keys):
            return len(keys)
        case TimeWindow():
            return windows.total(partitions, now)
        case Dynamic():
            return None
    first, second = (total(one, now) for one in partitions.dimensions)
    return None if first is None or second is None else first * second


def keys(partitions: Partitions, now: datetime) -> Iterator[str]:
    """Give the keys that the asset has now, in the order of the definition; of what is dynamic none."""
    match partitions:
        case Static(listed):
            yield from listed
        case TimeWindow():
            yield from windows.keys(partitions, now)
        case Multi():
            both = (keys(one, now) for one in partitions.dimensions)
            yield from map(SEPARATOR.join, product(*both))


def latest(partitions: Partitions, now: datetime) -> list[str]:
    """Give the newest window that is a partition now, or the last key of a list; of what is dynamic none.

    Of two dimensions: the newest window of the one with all of the other, which is how Dagster's schedules read it.
    """
    match partitions:
        case Static(keys=listed):
            return [*listed[-1:]]
        case TimeWindow():
            found = windows.newest(partitions, now)
            return [] if found is None else [found]
        case Multi():
            timed = any(isinstance(one, TimeWindow) for one in partitions.dimensions)
            both = (
                keys(one, now) if timed and isinstance(one, Static) else latest(one, now)
                for one in partitions.dimensions
            )
            return [SEPARATOR.join(pair) for pair in product(*both)]
    return []


def changes_at(partitions: Partitions, now: datetime) -> datetime | None:
    """Give when the next window is over, and so the number of partitions another one; None if that never happens."""
    if isinstance(partitions, Multi):
        return min(filter(None, (changes_at(one, now) for one in partitions.dimensions)), default=None)
    return windows.changes_at(partitions, now) if isinstance(partitions, TimeWindow) else None


def _dimension(written: model.Partitions | model.Dimension, where: str) -> Dimension:
    if written.static is not None:
        return Static(written.static)
    return Dynamic() if written.time_window is None else windows.accept(written.time_window, f"{where}.timeWindow")


def _some(keys: tuple[str, ...], shown: int = 10) -> str:
    more = f" and {len(keys) - shown} more" if len(keys) > shown else ""
    return ", ".join(keys[:shown]) + more
