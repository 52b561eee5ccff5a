"""Partition mappings: which partitions of an input a partition is built from, and which ones are built from one.

An edge between two assets has a definition at either end and a mapping between them, written in `spec.deps` or the
evident one: all of the input where one end is not cut; the windows that lie in the same time; the same key where both
are cut alike; the keys that agree, where one is a dimension of the other. What fits in no such way is refused, since a
partition that is built from nothing, or from everything, is never what somebody meant.

`above` and `below` are each other's inverse. The rules are Dagster's, except that an offset that no window answers
gives what there is, and that a whole input is compared whatever the number of its partitions.

Limits: where a dimension is dynamic, its keys are those that are known.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from upwell_operator.domain import partitions, windows
from upwell_operator.domain.partitions import SEPARATOR, Dimension, Dynamic, Multi, Partitions, Static
from upwell_operator.domain.windows import TimeWindow
from upwell_operator.resources import partitions as model


@dataclass(frozen=True, slots=True)
class All:
    """Every partition of the input, as its one version."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The partition of the same key."""


@dataclass(frozen=True, slots=True)
class Last:
    """The newest window, or the last key of a list."""


@dataclass(frozen=True, slots=True)
class SameTime:
    """The windows that have a part of the partition's own time; the offsets move its ends by windows of its own."""

    start_offset: int = 0
    end_offset: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says: keys of the input, each with those that are built from it."""

    pairs: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Along:
    """The keys that agree in one dimension."""

    dimension: str


Mapping = All | Identity | Last | SameTime | Listed | Along


@dataclass(frozen=True, slots=True)
class Edge:
    """Both ends of a dependency between partitions, and what fits them together."""

    up: Partitions
    down: Partitions
    mapping: Mapping


def accept(written: model.PartitionMapping) -> Mapping:
    """Give a written mapping as decisions see it."""
    match written.type:
        case model.MappingType.IDENTITY:
            return Identity()
        case model.MappingType.LAST:
            return Last()
        case model.MappingType.TIME_WINDOW:
            return SameTime(written.start_offset or 0, written.end_offset or 0)
        case model.MappingType.STATIC:
            return Listed(tuple((written.static or {}).items()))
        case model.MappingType.DIMENSION:
            return Along(written.dimension or "")
    return All()


def evident(up: Partitions | None, down: Partitions | None) -> Mapping | None:
    """Give the mapping that nobody needs to write, or None where there is none."""
    if up is None or down is None:
        return All()
    if isinstance(up, TimeWindow) and isinstance(down, TimeWindow):
        return SameTime()
    if _alike(up, down):
        return Identity()
    shared = _shared(up, down)
    return Along(shared[0]) if len(shared) == 1 else None


def misfit(mapping: Mapping, up: Partitions | None, down: Partitions | None) -> str | None:
    """Say why a written mapping means nothing between these two, or None if it fits."""
    if isinstance(mapping, All):
        return None
    if up is None or down is None:
        return "it maps partitions, and " + ("the input has none" if up is None else "this asset has none")
    match mapping:
        case Identity():
            fits, need = _alike(up, down), "both to be cut alike"
        case Last():
            fits, need = isinstance(up, Static | TimeWindow), "an input that is cut into a list or windows of time"
        case SameTime():
            fits = isinstance(up, TimeWindow) and isinstance(down, TimeWindow)
            need = "both to be cut into windows of time"
        case Listed():
            return _strangers(mapping, up, down)
        case _:
            fits = mapping.dimension in _shared(up, down)
            need = f'one to be cut by the dimension "{mapping.dimension}" and the other alike'
    return None if fits else f"it needs {need}"


def above(edge: Edge, key: str, now: datetime, known: Collection[str] = ()) -> tuple[str, ...]:
    """Give the partitions of the input that a partition is built from now; `known` are the input's own keys.

    The mapping All has no keys to give: what is consumed there is the input's one version.
    """
    match edge.mapping:
        case Identity():
            return (key,)
        case Last():
            return _last(edge.up, now)
        case SameTime(first, last) if isinstance(edge.up, TimeWindow) and isinstance(edge.down, TimeWindow):
            return tuple(windows.within(edge.up, *windows.span(edge.down, key, first, last), now))
        case Listed(pairs):
            return tuple(upper for upper, lower in pairs if key in lower)
        case Along(name):
            return _agreeing(edge.down, edge.up, name, key, now, known)
    return ()


def below(  # noqa: PLR0911 -- one for each mapping
    edge: Edge, key: str, now: datetime, known: Collection[str] = ()
) -> tuple[str, ...] | None:
    """Give the partitions that are built from one of the input now; None for all. `known` are the lower asset's keys.

    A key that is no partition of the input gives nothing.
    """
    if not isinstance(edge.mapping, Identity | All) and partitions.problem(edge.up, key, now) is not None:
        return ()
    match edge.mapping:
        case Identity():
            return (key,)
        case Last() if (key,) != _last(edge.up, now):
            return ()
        case SameTime(first, last) if isinstance(edge.up, TimeWindow) and isinstance(edge.down, TimeWindow):
            return tuple(windows.touching(edge.down, *windows.span(edge.up, key), now, first, last))
        case Listed(pairs):
            return dict(pairs).get(key, ())
        case Along(name):
            return _agreeing(edge.up, edge.down, name, key, now, known)
    return None


def _last(up: Partitions, now: datetime) -> tuple[str, ...]:
    if isinstance(up, Static):
        return up.keys[-1:]
    newest = windows.newest(up, now) if isinstance(up, TimeWindow) else None
    return () if newest is None else (newest,)


def _alike(one: Partitions, other: Partitions) -> bool:
    """Say whether a key means the same in both. Windows may begin and end at other times; the cut is the same."""
    if isinstance(one, TimeWindow) and isinstance(other, TimeWindow):
        return (one.line, one.zone, one.format) == (other.line, other.zone, other.format)
    if isinstance(one, Multi) and isinstance(other, Multi):
        pairs = zip(one.dimensions, other.dimensions, strict=True)
        return one.names == other.names and all(_alike(*pair) for pair in pairs)
    return one == other


def _dimension(of: Partitions, name: str) -> Dimension | None:
    """Give a dimension by its name; what has only one has it under every name."""
    if not isinstance(of, Multi):
        return of
    return dict(zip(of.names, of.dimensions, strict=True)).get(name)


def _shared(one: Partitions, other: Partitions) -> list[str]:
    """Give the names of the dimensions in which keys of both can agree."""
    names = dict.fromkeys(name for side in (one, other) if isinstance(side, Multi) for name in side.names)
    found = []
    for name in names:
        left, right = _dimension(one, name), _dimension(other, name)
        if left is not None and right is not None and _alike(left, right):
            found.append(name)
    return found


def _agreeing(here: Partitions, there: Partitions, name: str, key: str, now: datetime, known: Collection[str]) -> Found:
    """Give the keys there that agree with a key here in one dimension."""
    part = _part(here, name, key)
    if not isinstance(there, Multi):
        return (part,)
    place = there.names.index(name)
    other = there.dimensions[1 - place]
    if isinstance(other, Dynamic):
        return tuple(one for one in known if one.split(SEPARATOR)[place] == part)
    ordered = ([part], list(partitions.keys(other, now))) if place == 0 else (list(partitions.keys(other, now)), [part])
    return tuple(map(SEPARATOR.join, product(*ordered)))


Found = tuple[str, ...]


def _part(of: Partitions, name: str, key: str) -> str:
    return key.split(SEPARATOR)[of.names.index(name)] if isinstance(of, Multi) else key


def _strangers(mapping: Listed, up: Partitions, down: Partitions) -> str | None:
    """Say which key of a written list is one of neither side; what is not listed beforehand may come to be."""
    upper = [key for key, _ in mapping.pairs]
    lower = [key for _, keys in mapping.pairs for key in keys]
    for side, keys, whose in ((up, upper, "the input"), (down, lower, "this asset")):
        strange = [key for key in keys if isinstance(side, Static) and key not in side.keys]
        if strange:
            return f'"{strange[0]}" is no partition of {whose}'
    return None
