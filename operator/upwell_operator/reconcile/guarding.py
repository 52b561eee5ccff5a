"""Guards at work: a state is read, and what its asset's guard says of a newer version is settled before anyone sees it.

Whatever is below goes by `state.version`, so this is the one place where a version is held back. Level, not edge: a
version that is held is judged again whenever its asset is looked at, by the spec as it is then; what is accepted is
kept in the store. The metadata of a version is read from its events, and only while there is a version to judge.

Limits: a version is looked for among the newest `LOOKED_THROUGH` events. The first version that a guard sees has
nothing to be compared with, and is accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from upwell.protocol import Event, EventType
from upwell_operator.domain.asset_status import remembered_state
from upwell_operator.domain.guard import Figures, Judged, figures_of, held
from upwell_operator.domain.guard_status import known, packed
from upwell_operator.domain.snapshot import Arrived, Asset, AssetId, AssetState, Guard
from upwell_operator.domain.world import World
from upwell_operator.reconcile.mirror import Mirror
from upwell_operator.resources.expression import labels
from upwell_operator.store.store import Store

LOOKED_THROUGH = 200
AT_ONCE = 32
"""Assets judged at the same time: each takes a few round trips, and a thousand sources may change together."""
_NAMING = (EventType.OBSERVATION, EventType.MATERIALIZATION)


class Guards:
    """Settles the states of assets that have a guard, or had one."""

    def __init__(self, world: World, mirror: Mirror, store: Store) -> None:
        self._world, self._mirror, self._store = world, mirror, store

    async def settle(self, states: Mapping[AssetId, AssetState]) -> dict[AssetId, AssetState]:
        """Give the states of those of these assets that are guarded, as all below shall see them.

        Raises StoreUnavailable, Fenced.
        """
        guarded = [(asset, states[one]) for one in states if (asset := self._guarded(one, states[one]))]
        settled: dict[AssetId, AssetState] = {}
        for place in range(0, len(guarded), AT_ONCE):
            some = guarded[place : place + AT_ONCE]
            judged = await asyncio.gather(*(self._settle(asset, state) for asset, state in some))
            settled |= {asset.id: state for (asset, _), state in zip(some, judged, strict=True)}
        return settled

    def _guarded(self, one: AssetId, state: AssetState) -> Asset | None:
        """Give the asset of some data if it has a guard, or had one, and there is anything to judge."""
        ref = self._world.graph.by_id(one)
        asset = self._world.graph.get(ref) if ref else None
        if asset is None or state.version is None:
            return None
        return asset if asset.guard is not None or state.accepted else None

    async def _settle(self, asset: Asset, state: AssetState) -> AssetState:
        if asset.guard is None:
            return await self._unguard(asset.id, state)
        return await self._judge(asset, asset.guard, self._compared(asset, state))

    def _compared(self, asset: Asset, state: AssetState) -> AssetState:
        """Give a state with the version that was accepted last: where the store has none, that of the status.

        So what came into an emptied store is judged, and is not the first that its guard sees.
        """
        if state.accepted:
            return state
        before = remembered_state(self._mirror.status_of(asset.ref))
        if before.version in (None, state.version):
            return state
        changed, newest = before.version_changed_at, _newest(state)
        return replace(
            state, version=before.version, version_changed_at=changed, figures=before.figures, arrived=newest
        )

    async def _judge(self, asset: Asset, guard: Guard, state: AssetState) -> AssetState:
        arrived = state.arrived
        if arrived is None and state.accepted:
            return state
        if arrived is not None and any(one.version == arrived.version for one in asset.quarantine):
            return await self._keep(asset, state, arrived)
        told = await self._told(asset.id)
        figures = _figures(guard, told, _newest(state).version)
        if arrived is None or arrived.version == asset.released:
            return await self._accept(asset, state, figures)
        old = Judged(state.version or "", _old_figures(guard, told, state))
        why = held(guard, asset.key, Judged(arrived.version, figures), old)
        if not why:
            return await self._accept(asset, state, figures)
        return await self._keep(asset, state, arrived._replace(held=why))

    async def _told(self, one: AssetId) -> list[Event]:
        """Give the newest events that count, read once for all that is asked of them."""
        page = await self._store.events(one, limit=LOOKED_THROUGH, types=_NAMING)
        return [each.event for each in page.items if not each.superseded]

    async def _accept(self, asset: Asset, state: AssetState, figures: Figures) -> AssetState:
        newest = _newest(state)
        passed = replace(_bare(state, newest), accepted=True, figures=packed(figures))
        return passed if await self._store.accept(asset.id, newest.version, passed) else state

    async def _keep(self, asset: Asset, state: AssetState, arrived: Arrived) -> AssetState:
        """Stay with what was accepted, and note that where the store has not got it."""
        stays = replace(state, accepted=True, arrived=arrived)
        if not state.accepted:
            await self._store.accept(asset.id, arrived.version, stays)
        return stays

    async def _unguard(self, one: AssetId, state: AssetState) -> AssetState:
        newest = _newest(state)
        bare = _bare(state, newest)
        return bare if await self._store.accept(one, newest.version, bare) else state


def _figures(guard: Guard, told: Sequence[Event], version: str) -> Figures:
    """Give what the newest event of a version says, of those that say anything."""
    events = (event for event in told if event.data_version == version and event.metadata)
    return next((figures_of(guard, event.metadata) for event in events), {})


def _old_figures(guard: Guard, told: Sequence[Event], state: AssetState) -> Figures:
    """Give what is kept of the accepted version, and what its events say beside that."""
    kept = known(state)
    if all(label in kept for label in labels(guard.hold_when)):
        return kept
    return {**_figures(guard, told, state.version or ""), **kept}


def _newest(state: AssetState) -> Arrived:
    return state.arrived or Arrived(state.version or "", state.version_changed_at)


def _bare(state: AssetState, newest: Arrived) -> AssetState:
    """Give a state at its newest version, as if there were no guard."""
    version, since = newest.version, newest.since
    return replace(state, version=version, version_changed_at=since, accepted=False, figures="", arrived=None)
