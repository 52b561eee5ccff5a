"""Versions that may not be built from: what each asset bars, and what that is to those below.

An asset bars what its `spec.quarantine` lists; and, if it was itself built from a barred version of an input, what it
is now. So a quarantine reaches as far down as the data has come, one edge at a time, and ends where something was built
from other versions. decisions/0016 tells what follows.
"""

from __future__ import annotations

from typing import NamedTuple

from upwell_operator.domain import causes as because
from upwell_operator.domain.causes import Cause
from upwell_operator.domain.snapshot import Asset, AssetKind, AssetState, Quarantined, Ref
from upwell_operator.domain.texts import SHORT
from upwell_operator.resources.meta import Reason


class Barred(NamedTuple):
    """A data version that may not be built from."""

    version: str
    cause: Cause
    """The cause that it gives to those below that were built from it."""


def listed(asset: Asset) -> tuple[Barred, ...]:
    """Give what an asset bars by its own spec."""
    return tuple(Barred(one.version, because.barred(asset.ref, _named(asset, one))) for one in asset.quarantine)


def inherited(ref: Ref, version: str | None, first: Cause) -> tuple[Barred, ...]:
    """Give what an asset bars because its first cause is a quarantine: its current version, if that came from above."""
    if version is None or not first.depth:
        return ()
    return (Barred(version, because.through(Reason.VERSION_QUARANTINED, ref, first)),)


def of_itself(asset: Asset, state: AssetState) -> list[Cause]:
    """Say whether what the asset is now is quarantined itself; a derived one is nothing before it is materialized.

    What it is now may be a version that its guard has not let through: one that was held, and rejected.
    """
    if asset.kind is AssetKind.DERIVED and state.materialization is None:
        return []
    now = state.arrived.version if state.arrived else state.version
    found = [one for one in asset.quarantine if one.version == now]
    words = [f"its current data version is quarantined: {_named(asset, one)}" for one in found]
    return [because.own(Reason.VERSION_QUARANTINED, asset.ref, text) for text in words]


def _named(asset: Asset, which: Quarantined) -> str:
    return f"{asset.key} {which.version[:SHORT]}" + (f" ({which.reason})" if which.reason else "")
