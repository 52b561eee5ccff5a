"""What the store knows, brought into the world: read when something was reported, remembered while Redis is away.

Three things can be wrong with the store, and each has its answer here. It does not answer: the world goes on with what
was read last, or what the resources' status remembers, and says so once. It was emptied: it is filled again from
status, and that is said. It was trimmed or restarted: everything is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from upwell_operator.domain.asset_status import remembered_state
from upwell_operator.domain.lateness import by_window
from upwell_operator.domain.snapshot import UNKNOWN_STATE, Asset, AssetId, AssetKind, AssetState, Ref, Slices
from upwell_operator.domain.world import World
from upwell_operator.errors import StoreUnavailable
from upwell_operator.reconcile.guarding import Guards
from upwell_operator.reconcile.mirror import Mirror, remembered
from upwell_operator.store.partitions import Moved
from upwell_operator.store.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")


class Gatherer:
    """Keeps `world.states` as true as the store lets it. `refilled` is told when that meant to fill an emptied one."""

    def __init__(self, world: World, mirror: Mirror, store: Store, refilled: Callable[[], None]) -> None:
        self._world, self._mirror, self._store, self._refilled = world, mirror, store, refilled
        self._guards = Guards(world, mirror, store)
        self._unread: set[AssetId] = set()
        self.lost = asyncio.Event()
        """Set while the store is away."""
        self.found = asyncio.Event()
        """Set while it is not."""
        self.found.set()
        self.rebuilt = 0
        """How many assets' data was filled in again after Redis had been emptied, since it was last asked."""

    def read_again(self, ids: Iterable[AssetId]) -> None:
        """Mark assets whose data may have changed."""
        self._unread.update(ids)

    async def gather(self, refs: Iterable[Ref]) -> set[Ref]:
        """Read what is marked, and what was never read of these assets; give those whose state is another now.

        A store that is away marks nothing read.
        """
        wanted = self._unread | self._unknown(refs)
        self._unread = set()  # what is reported while we read must be read again
        changed = await self.read(list(wanted))
        if not self._world.store_reachable:
            self._unread |= wanted
        return changed

    async def read(self, ids: list[AssetId]) -> set[Ref]:
        """Read states in the order given; give the assets whose state is another now.

        While the store is away nothing waits for it: the reconciler asks for it until it is back.
        """
        if self._world.store_reachable and ids:
            try:
                found = await self._read(ids)
                states = {one: found.get(one, UNKNOWN_STATE) for one in ids}
                states |= await self._guards.settle(states)
                return self._take(states | await self._with_slices(states))
            except StoreUnavailable as error:
                self.lost_store(error)
        return self._take({one: self._remembered(one) for one in ids if one not in self._world.states})

    async def _with_slices(self, states: Mapping[AssetId, AssetState]) -> dict[AssetId, AssetState]:
        """Give the states of those whose partitions somebody must know, with what has moved of these."""
        cut = [one for one in states if self._is_looked_into(one)]
        return {one: await self._slices(one, states[one]) for one in cut}

    def _is_looked_into(self, one: AssetId) -> bool:
        """Say whether somebody judges this asset's partitions: it, or what is built from it, or its `maximumLag`."""
        ref = self._world.graph.by_id(one)
        asset = self._world.graph.get(ref) if ref else None
        if ref is None or asset is None or asset.partitions is None:
            return False
        if by_window(asset):
            return True
        below = map(self._world.graph.get, self._world.graph.downstream(ref))
        return asset.kind is AssetKind.DERIVED or any(other and other.partitions for other in below)

    async def _slices(self, one: AssetId, state: AssetState) -> AssetState:
        known = self._world.states.get(one, UNKNOWN_STATE)
        if known.slices is not None and known.serial == state.serial:
            return replace(state, slices=known.slices)
        moved = await self._store.moved(one, known.serial if known.slices else "")
        return replace(state, serial=moved.serial, slices=_merged(known.slices, moved))

    async def _read(self, ids: list[AssetId]) -> dict[AssetId, AssetState]:
        found = await self._store.states(ids)
        if self._vanished(ids, found) and await self._store.is_empty():
            await self._refill()
            return await self._store.states(ids)
        return found

    def _unknown(self, refs: Iterable[Ref]) -> set[AssetId]:
        assets = filter(None, (self._world.graph.get(ref) for ref in refs))
        return {asset.id for asset in assets if self._is_unread(asset)}

    def _is_unread(self, asset: Asset) -> bool:
        """Say whether nothing is known of an asset, or nothing of its partitions where somebody must know."""
        state = self._world.states.get(asset.id)
        if state is None or asset.partitions is None:
            return state is None
        return state.slices is None and self._is_looked_into(asset.id)

    def lost_store(self, error: StoreUnavailable) -> None:
        """Go on without the store. Said once, however often it is noticed (argo-events#3497)."""
        if self._world.store_reachable:
            log.warning("the store does not answer; observations go on, materializations wait: %s", error)
        self._world.store_reachable = False
        self.lost.set()
        self.found.clear()

    def found_store(self) -> None:
        """Read from the store again: it has answered."""
        if not self._world.store_reachable:
            log.info("the store answers")
        self._world.store_reachable = True
        self.lost.clear()
        self.found.set()

    def _take(self, states: dict[AssetId, AssetState]) -> set[Ref]:
        changed = {one for one, state in states.items() if self._world.states.get(one, UNKNOWN_STATE) != state}
        self._world.states.update(states)
        return {ref for one in changed if (ref := self._world.graph.by_id(one))}

    def _vanished(self, ids: list[AssetId], found: dict[AssetId, AssetState]) -> bool:
        """Say whether something that was known is unknown to the store: then it may have been emptied."""
        return any(one not in found and self._known(one) for one in ids)

    def _known(self, one: AssetId) -> bool:
        return self._world.states.get(one, UNKNOWN_STATE) != UNKNOWN_STATE or self._remembered(one) != UNKNOWN_STATE

    def _remembered(self, one: AssetId) -> AssetState:
        ref = self._world.graph.by_id(one)
        status = self._mirror.status_of(ref) if ref else {}
        return remembered_state(status)

    async def _refill(self) -> None:
        """Fill an emptied store from what the resources remember; what was reported since is not overwritten."""
        items = [(one, remembered_state(status)) for one, status in remembered(self._mirror, self._world)]
        items = [(one, state) for one, state in items if state != UNKNOWN_STATE]
        await self._store.restore(items)
        self.rebuilt += len(items)
        self._refilled()
        log.warning("the store had been emptied; the state of %d assets was rebuilt from their status", len(items))


def _merged(known: Slices | None, moved: Moved) -> Slices:
    """Bring a copy up to date with what has moved; a new one where all was read."""
    if known is None or moved.names is None:
        return Slices(moved.versions, moved.made, moved.failures)
    _replace(known.versions, moved.versions, moved.names)
    _replace(known.made, moved.made, moved.names)
    _replace(known.failures, moved.failures, moved.names)
    if known.changed is not None:
        known.changed.update(moved.names)
    return known


def _replace(old: dict[str, T], new: Mapping[str, T], names: Iterable[str]) -> None:
    for name in names:
        old.pop(name, None)
    old.update(new)
