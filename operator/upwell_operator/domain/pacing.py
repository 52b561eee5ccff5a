"""How long an Eager asset that could be built is held back: until its inputs rest, and its last run is old enough.

Both are read from facts that outlive the operator (when an input's version changed, when the last run began), so a
restart neither loses nor lengthens a wait, and there is no timer to lose: the answer names the moment, and whoever
asked looks again then. Requests by people are never paced, and neither changes what a run is named by.

Limits: `settle` sets no upper bound; an asset one of whose inputs changes again and again within it is never built.
Once the Job of the last run is gone, the time of its result stands for its start, so that runs are never too close.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from upwell.protocol import RunKind
from upwell_operator.domain.conditions import timestamp
from upwell_operator.domain.decisions import Why
from upwell_operator.domain.snapshot import UNKNOWN_STATE, Asset
from upwell_operator.domain.world import World
from upwell_operator.resources import duration


class Held(NamedTuple):
    """A run that is wanted, and waits for nothing but time."""

    why: Why
    message: str
    until: datetime


def held(world: World, asset: Asset, now: datetime) -> Held | None:
    """Give what holds a wanted run back longest; None if it may start now. At the moment itself it may."""
    found = [one for one in (_settling(world, asset), _spaced(world, asset)) if one and one.until > now]
    return max(found, key=lambda one: one.until, default=None)


def last_start(world: World, asset: Asset) -> datetime | None:
    """Give when the asset's last materialization began, succeeded or not; its end, where nothing else is left of it."""
    runs = [run for run in world.runs.of(asset.ref) if run.kind is RunKind.MATERIALIZE]
    known, state = {run.ref.name for run in runs}, world.state(asset)
    ends = [
        state.materialization,
        state.failure if state.failure and state.failure.kind is RunKind.MATERIALIZE else None,
    ]
    times = [run.created_at for run in runs] + [one.time for one in ends if one and one.run not in known]
    return max(filter(None, times), default=None)


def _settling(world: World, asset: Asset) -> Held | None:
    """Hold back until no input has changed for `settle`."""
    if asset.settle is None:
        return None
    changes = [
        (at, data.seen_from(asset.ref.namespace))
        for dep in asset.deps
        if (data := world.graph.data(dep)) and (at := world.states.get(data, UNKNOWN_STATE).version_changed_at)
    ]
    if not changes:
        return None
    at, key = max(changes)
    until, span = at + asset.settle, duration.write(asset.settle)
    text = f"input {key} changed at {timestamp(at)}; runs at {timestamp(until)}, {span} after the last change (settle)"
    return Held(Why.SETTLING, text, until)


def _spaced(world: World, asset: Asset) -> Held | None:
    """Hold back until the last run began `minInterval` ago."""
    began = last_start(world, asset) if asset.min_interval else None
    if began is None or asset.min_interval is None:
        return None
    until, span = began + asset.min_interval, duration.write(asset.min_interval)
    text = f"the last run began at {timestamp(began)}; the next one at {timestamp(until)}, {span} later (minInterval)"
    return Held(Why.MIN_INTERVAL, text, until)
