"""Retention: each asset's history is cut to its `spec.history`, and what no Asset defines is forgotten in time.

Every hour, and first some minutes after a start, when there is something better to do. Data outlives its resource: what
was reported before there is an Asset, or is left of one that was deleted, stays for as long as an Asset's history does
by default, counted from its last event, and then goes whole: its current version too.

Limits: an operator that watches some namespaces forgets nothing of the others. One that starts again before its first
turn keeps everything; the counts hold all the same, since every write trims.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator

from upwell_operator.domain.snapshot import AssetId
from upwell_operator.domain.world import World
from upwell_operator.errors import StoreUnavailable
from upwell_operator.reconcile.mirror import Mirror
from upwell_operator.reconcile.queue import Key, Subject
from upwell_operator.resources.asset import History
from upwell_operator.store.store import Store

log = logging.getLogger(__name__)
FIRST_SECONDS = 600.0
EVERY_SECONDS = 3600.0
BY_DEFAULT = History()


class Keeper:
    """Keeps the store to what shall be kept. To be asked only once everything was looked at."""

    def __init__(self, world: World, mirror: Mirror, store: Store, namespaces: Collection[str]) -> None:
        self._world, self._mirror, self._store, self._namespaces = world, mirror, store, namespaces

    async def run(self) -> None:
        """Go on until cancelled; a store that is away is asked again the next time. Raises Fenced."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                gone = await self.keep()
            except StoreUnavailable as error:
                log.warning("history could not be trimmed; it is tried again in an hour: %s", error)
            else:
                log.info("%d entries of history were older or more than spec.history keeps, and are gone", gone)
            await asyncio.sleep(EVERY_SECONDS)

    async def keep(self) -> int:
        """Trim everything once; give the number of entries that went. Raises StoreUnavailable, Fenced."""
        gone, unreadable = 0, set(self._unreadable())
        for one in await self._store.known():
            if not self._namespaces or one.namespace in self._namespaces:
                gone += await self._trim(one, unreadable=one in unreadable)
        return gone

    async def _trim(self, one: AssetId, *, unreadable: bool) -> int:
        ref = self._world.graph.by_id(one)
        asset = self._world.graph.get(ref) if ref else None
        if asset is not None:
            return await self._store.trim(one, asset.kept_events, asset.kept_for)
        return await self._store.trim(one, BY_DEFAULT.events, BY_DEFAULT.age, defined=unreadable)

    def _unreadable(self) -> Iterator[AssetId]:
        """Give the data of Assets that are there, but whose spec cannot be read: it is theirs all the same."""
        for key in self._mirror:
            seen = self._mirror.get(key)
            if key.subject is Subject.ASSET and seen is not None and seen.error is not None:
                yield AssetId(key.ref.namespace, self._key(key))

    def _key(self, key: Key) -> str:
        named = self._mirror.spec(key).get("key")
        return named if isinstance(named, str) else key.ref.name
