"""The loop: gather, plan, act, one status patch. The only place where thought meets memory and hands.

A pass takes all dirty keys at once, reads what the store knows of them, follows the change downstream as long as a
verdict changes, plans everything together, and starts the actions. Passes never overlap; what they started runs on, in
bounded number, and a key in flight is not planned again before its actions are over. What an action finds out makes
keys dirty again. Nothing here remembers a decision: after a crash the same world gives the same plan.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from upwell_operator.cluster.leased import LeasedCluster
from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.slots import Slots
from upwell_operator.domain.snapshot import Ref
from upwell_operator.domain.world import World
from upwell_operator.errors import StoreUnavailable, Waiting
from upwell_operator.reconcile.acting import Actor
from upwell_operator.reconcile.diary import Diary
from upwell_operator.reconcile.gathering import Gatherer
from upwell_operator.reconcile.mirror import WATCHED, Mirror
from upwell_operator.reconcile.passing import Hands, Pass
from upwell_operator.reconcile.queue import Key, Queue, Subject
from upwell_operator.reconcile.recording import Recorder
from upwell_operator.reconcile.retaining import Keeper
from upwell_operator.reconcile.writing import Writer
from upwell_operator.resources.meta import Label
from upwell_operator.settings import Settings
from upwell_operator.store.feed import FellBehind
from upwell_operator.store.records import Change
from upwell_operator.store.store import Store

Json = dict[str, Any]
log = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
SECOND_LOOK_SECONDS = 60.0
"""When everything is looked at again for the first time: what was deleted between the first look and the first list of
a watch that began after it, nobody else tells.
"""
Turn = Callable[[], Awaitable[None]]
"""Returns when this operator may begin to decide."""
CANCEL_SECONDS = 0.05
Missed = Callable[[str, int], None]
OURS = f"{Label.MANAGED_BY}=upwell"


async def _at_once() -> None:
    """Wait for no turn."""


def _tell_nobody(_resource: str, _count: int) -> None:
    """Be told of missed news by a look that may find some for good reasons."""


class Reconciler:
    """One operator's mind. `hear` may be called from the start; nothing is decided before `run`.

    `may_write` is asked before every pass and every write: False while the Lease is not held. `missed` is told what a
    full pass found changed that no event had told of.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        may_write: Callable[[], bool] = lambda: True,
        missed: Missed = _tell_nobody,
    ) -> None:
        self._missed = missed
        self._cluster, self._store, self._settings = cluster, store, settings
        slots = Slots(settings.max_concurrent_runs, settings.max_concurrent_runs_per_namespace)
        self.world, self.queue = World(slots=slots), Queue()
        self.mirror = Mirror(self.world)
        self.gatherer = Gatherer(self.world, self.mirror, store, self._begin_anew)
        self.keeper = Keeper(self.world, self.mirror, store, settings.namespaces)
        self._diary = Diary(store, lambda: self.world.store_reachable)
        leased = LeasedCluster(cluster, may_write)
        hands = Hands(
            actor=Actor(leased, settings, lambda ref: self.mirror.spec(Key(Subject.ASSET, ref))),
            writer=Writer(leased, self.world, self.mirror, clock),
            recorder=Recorder(leased, store, clock),
            diary=self._diary,
        )
        self._pass = Pass(
            self.world, self.mirror, self.queue, self.gatherer, hands, clock, settings.concurrency, may_write
        )
        self._stopping, self._asked = asyncio.Event(), asyncio.Event()
        self.looked = asyncio.Event()
        """Set once everything was looked at."""
        self.looks = 0
        """How often everything was looked at."""
        self.planned = asyncio.Event()
        """Set once a plan was made for all of it."""

    def hear(self, resource: str, event: str, obj: Json) -> None:
        """Take in one watch event: ADDED, MODIFIED or DELETED of assets, observationjobs, schedules or jobs.

        What was changed by another hand may tell of a result that made no entry in the feed (an unchanged observation),
        so the state is read again before anything is written over it.
        """
        news = self.mirror.saw(resource, event, obj)
        self._reread(key.ref for key in news if key.subject is Subject.ASSET)
        self.queue.add(*news)

    async def run(self, turn: Turn = _at_once) -> None:
        """Look, and decide from when its turn has come, until `stop`. Raises Fenced when a newer one has taken over."""
        try:
            await _first(self._keep_looking(), self._work(turn), self._stopping.wait())
        finally:
            await self._pass.drain()

    def stop(self) -> None:
        """End `run` after the actions in flight."""
        self._stopping.set()

    async def _work(self, turn: Turn) -> None:
        """Decide nothing before everything was looked at, whole: half a graph gives wrong verdicts."""
        await turn()
        await self.looked.wait()
        await _first(self._passes(), self._follow(), self._find_store(), self.keeper.run())

    async def _passes(self) -> None:
        await self._asked.wait()  # else the first answer has all that was just planned looked at once more
        if len(self.queue):
            await self._pass.run(await self.queue.take())
        self.planned.set()
        while True:
            await self._pass.run(await self.queue.take())

    async def _follow(self) -> None:
        """Hear from the store what was reported. Whenever that began anew, everything is read again."""
        while True:
            try:
                place = await self._store.position()
                self.gatherer.found_store()
                self._begin_anew()
                self._asked.set()
                async with aclosing(self._store.follow(place)) as feed:
                    async for changes in feed:
                        self._heard(changes)
            except FellBehind as error:
                log.warning("%s; everything is read again", error)
            except StoreUnavailable as error:
                self.gatherer.lost_store(error)
                self._asked.set()
                await self.gatherer.found.wait()  # one asks for it: else an old failure might be told after its end

    async def _find_store(self) -> None:
        """Ask for a store that somebody found away.

        The feed alone need not notice: a read that timed out, or a write that was refused (no memory, no disk), leaves
        it as it is.
        """
        while True:
            await self.gatherer.lost.wait()
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._store.position()
            except StoreUnavailable:
                continue
            self.gatherer.found_store()
            self._read_everything()

    def _heard(self, changes: list[Change]) -> None:
        self.gatherer.read_again(change.id for change in changes)
        refs = filter(None, (self.world.graph.by_id(change.id) for change in changes))
        self.queue.add(*(Key(Subject.ASSET, ref) for ref in refs))

    def _begin_anew(self) -> None:
        """Look at everything, and write down anew what is thought of it: the store may have been emptied."""
        self._diary.mistrust()
        self._read_everything()

    def _read_everything(self) -> None:
        self._reread(self.world.graph.refs())
        self.queue.add(*self.mirror)

    def _reread(self, refs: Iterable[Ref]) -> None:
        assets = filter(None, (self.world.graph.get(ref) for ref in refs))
        self.gatherer.read_again([asset.id for asset in assets])

    async def _keep_looking(self) -> None:
        """Look at once, and go on with the slow full pass, the safety net for events that never came."""
        await self._look_whole()
        self.looked.set()
        await asyncio.sleep(min(SECOND_LOOK_SECONDS, self._settings.full_pass_seconds))
        await self._look_whole()
        while True:
            await asyncio.sleep(self._settings.full_pass_seconds)
            await self._look(self._missed)

    async def _look_whole(self) -> None:
        while True:
            if await self._look():
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _look(self, missed: Missed = _tell_nobody) -> bool:
        """List everything and have it all looked at; say whether that worked. One that failed is made up for later."""
        try:
            for resource in WATCHED:
                for namespace in self._settings.namespaces or (None,):
                    missed(resource, await self._list(resource, namespace))
        except Waiting as error:
            log.warning("not everything could be listed: %s", error)
            return False
        self._read_everything()
        self.looks += 1
        return True

    async def _list(self, resource: str, namespace: str | None) -> int:
        listing, selector = self.mirror.listing(resource, namespace), OURS if resource == "jobs" else ""
        listed = await self._cluster.list(resource, namespace, selector, visit=listing.take)
        news = listing.end(int(listed.resource_version or 0))
        self.queue.add(*news)
        return len(news)


async def _first(*works: Coroutine[Any, Any, Any]) -> None:
    """Do several works at once until the first ends, and raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _end(tasks)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done: redis-py swallows a cancellation that comes while it takes a connection."""
    while going := [task for task in tasks if not task.done()]:
        for task in going:
            task.cancel()
        await asyncio.wait(going, timeout=CANCEL_SECONDS)
