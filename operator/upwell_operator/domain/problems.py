"""What can be wrong with an asset's place in the graph, in words for its owner: field, value, why, remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from upwell_operator.domain.snapshot import Asset, Ref
from upwell_operator.domain.texts import abridged, arrows, clipped
from upwell_operator.resources.meta import Reason


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an asset cannot be worked with until somebody edits a manifest; at most 1 KiB of text."""

    reason: Reason
    message: str


def key_conflict(asset: Asset, holder: Ref) -> Problem:
    """Say that an older asset of the namespace has the key."""
    return _problem(
        Reason.KEY_CONFLICT,
        f'spec.key "{asset.key}" is the key of the older asset "{holder.name}" in namespace "{holder.namespace}"; '
        f"give this one another spec.key, or delete one of the two",
    )


def on_cycle(asset: Asset, length: int, step: Callable[[int], Ref]) -> Problem:
    """Say that an asset depends on itself: in so many steps, of which `step` gives each."""
    path = abridged(length + 1, lambda place: step(place).seen_from(asset.ref.namespace))
    return _problem(
        Reason.DEPENDENCY_CYCLE,
        f"spec.deps makes this asset depend on itself: {arrows(path)}; remove one of these dependencies",
    )


def not_found(asset: Asset, place: int, dep: Ref) -> Problem:
    """Say that a name in spec.deps is no asset."""
    return _problem(
        Reason.DEPENDENCY_NOT_FOUND,
        f'spec.deps[{place}].name "{dep.name}" is no asset in namespace "{dep.namespace}"; '
        f"{_where(asset, dep)}create that asset, or correct the name",
    )


def not_exported(asset: Asset, place: int, dep: Ref) -> Problem:
    """Say that an asset of another namespace may not be used from this one."""
    return _problem(
        Reason.DEPENDENCY_NOT_EXPORTED,
        f'spec.deps[{place}].name "{dep.name}" in namespace "{dep.namespace}" is not exported to namespace '
        f'"{asset.ref.namespace}"; add it to the spec.exportTo of that asset, or remove the dependency',
    )


def do_not_fit(asset: Asset, dep: Ref, why: str) -> Problem:
    """Say that nobody knows which partitions of an input one of this asset's is built from."""
    return _problem(
        Reason.PARTITIONS_DO_NOT_FIT,
        f'spec.deps[{asset.deps.index(dep)}] "{dep.name}": {why}; set its partitionMapping to a type that fits, such '
        f"as All, or cut one of the two as the other is",
    )


def _where(asset: Asset, dep: Ref) -> str:
    at_home = dep.namespace == asset.ref.namespace
    return "set spec.deps[].namespace if it is in another one, " if at_home else ""


def _problem(reason: Reason, message: str) -> Problem:
    return Problem(reason, clipped(message))
