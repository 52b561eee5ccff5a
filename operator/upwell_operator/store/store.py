"""`Store`: every verb of Upwell's memory, in one class made of chapters.

    opening            open  close  ping  raise_epoch                          here
    taking             append  states  outcome  accept  restore  is_empty      append.py
    what came of it    uses  built_from                                        uses.py
    partitions         partitions  partition_keys  moved                       partitions.py
    reading back       events  versions  decisions  decide  trim  undefined    history.py
    runs               record_run  run  runs  put_log  log                     runs.py
    hearing            position  changes  follow                               feed.py

Each write is one atomic script (`lua/`), each read one pipeline. Verbs raise `StoreUnavailable` when Redis does not
answer or does not acknowledge, and `Fenced` when a newer operator writes; nothing of redis comes out. Nothing must be
opened before: the first verb does it, and again after Redis was restarted.

Durability: an acknowledged write is as durable as the server's `appendfsync` makes it (`always` in the chart and in
dev: an fsync before the answer). With `redis_replicas` > 0, every pipeline that writes ends with WAITAOF, or WAIT where
the server has no AOF or is older than 7.2; too few replicas in time is StoreUnavailable, and repeating is safe.
"""

from __future__ import annotations

from upwell_operator.errors import Fenced
from upwell_operator.settings import Settings
from upwell_operator.store.append import Appending
from upwell_operator.store.connect import Client
from upwell_operator.store.feed import Feed, FellBehind
from upwell_operator.store.history import History
from upwell_operator.store.keys import Keys
from upwell_operator.store.link import Call, Link
from upwell_operator.store.partitions import Partitions
from upwell_operator.store.records import Change
from upwell_operator.store.runs import Runs
from upwell_operator.store.uses import Uses

__all__ = ["Change", "FellBehind", "Store"]


class Store(Appending, Uses, Partitions, History, Runs, Feed):
    """What Upwell remembers.

    `client` replaces the one that settings would give; it must decode its answers (`decode_responses=True`).
    """

    def __init__(self, settings: Settings, client: Client | None = None) -> None:
        self._link = Link(settings, client)
        self._keys = Keys(settings.redis_shards)
        self.epoch = None

    async def open(self) -> None:
        """Reach Redis, load the scripts, agree on the number of shards.

        Raises StoreUnavailable, and Stalled if the data is spread over another number of shards.
        """
        await self._link.open()

    async def close(self) -> None:
        """Close all connections that are ours."""
        await self._link.close()

    async def ping(self) -> None:
        """Return if Redis answers. Raises StoreUnavailable."""
        await self._link.read([("PING",)])

    async def raise_epoch(self, at_least: int = 0) -> int:
        """Take an epoch that nobody has had, in every shard, and send it with every write from now on.

        Called when a Lease is won. Raises Fenced if somebody took a newer one meanwhile, StoreUnavailable.
        """
        shards = range(self._keys.shards)
        held = await self._link.read([("GET", self._keys.epoch(shard)) for shard in shards])
        floor = max([at_least, *(int(each) + 1 for each in held if each)])
        (ours,) = await self._link.calls([Call("epoch", (self._keys.epoch(0),), ("next", floor))])
        stand = await self._link.calls([Call("epoch", (self._keys.epoch(shard),), ("same", ours)) for shard in shards])
        if max(stand) > ours:
            raise Fenced(f"an operator took epoch {max(stand)} while this one was taking {ours}")
        self.epoch = int(ours)
        return self.epoch
