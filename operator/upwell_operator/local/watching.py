"""Watches of the embedded cluster: every change in order, per subscriber, with a place for an adversary.

Idea: a subscriber has an unbounded queue that is filled at the moment of the write, so that nothing is lost between
subscribing and reading. A `Delivery` stands between the cluster and a subscriber; the simulation gives one that
drops, doubles, delays or reorders. Limits: history is bounded; a `since` that fell out of it raises `ExpiredError`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import NamedTuple

from upwell_operator.cluster.port import Object
from upwell_operator.errors import UpwellError
from upwell_operator.local.objects import copied

HISTORY = 4096
"""Changes of one resource that can be read again through `since`."""


class ExpiredError(UpwellError):
    """The resourceVersion is too old to watch from; list again."""


class Change(NamedTuple):
    """One write: ADDED, MODIFIED or DELETED, with the object as it was after it."""

    type: str
    resource: str
    version: int
    object: Object


Deliver = Callable[[Change], None]
Delivery = Callable[[Change, Deliver], None]
"""Gets each change and a function that delivers; may call it never, once, twice, later, or in another order."""


def at_once(change: Change, deliver: Deliver) -> None:
    """Deliver each change once, in order: what a healthy cluster does."""
    deliver(change)


class Watch(AsyncIterator[tuple[str, Object]]):
    """One subscriber's events, from the moment it was made until `close`."""

    def __init__(self, resource: str, through: Delivery, on_close: Callable[[Watch], None]) -> None:
        self.resource = resource
        self._through = through
        self._on_close = on_close
        self._queue: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, change: Change) -> None:
        """Take a change from the cluster, through the delivery."""
        self._through(change, self._deliver)

    def close(self) -> None:
        """End the iteration once what was delivered has been read."""
        self._closed = True
        self._on_close(self)
        self._wake.set()

    def pending(self) -> int:
        """Say how many delivered events have not been read; the simulation's measure of quiet."""
        return len(self._queue)

    def _deliver(self, change: Change) -> None:
        self._queue.append(change)
        self._wake.set()

    async def __anext__(self) -> tuple[str, Object]:
        """Give type and object of the next event, waiting for it."""
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        change = self._queue.popleft()
        return change.type, copied(change.object)


class Subscribers:
    """All watches and the bounded history of each resource."""

    def __init__(self, through: Delivery = at_once) -> None:
        self._through = through
        self._watches: dict[str, list[Watch]] = {}
        self._history: dict[str, deque[Change]] = {}
        self._forgotten: dict[str, int] = {}

    def publish(self, change: Change) -> None:
        """Remember a change and offer it to every watch of its resource."""
        history = self._history.setdefault(change.resource, deque(maxlen=HISTORY))
        if len(history) == HISTORY:
            self._forgotten[change.resource] = history[0].version
        history.append(change)
        for watch in tuple(self._watches.get(change.resource, ())):
            watch.offer(change)

    def subscribe(self, resource: str, first: Iterable[Change], through: Delivery | None) -> Watch:
        """Add a watch that starts with `first`."""
        watch = Watch(resource, through or self._through, self._drop)
        self._watches.setdefault(resource, []).append(watch)
        for change in first:
            watch.offer(change)
        return watch

    def since(self, resource: str, version: int) -> list[Change]:
        """Give the changes after a resourceVersion. Raises ExpiredError when some of them are forgotten."""
        if version < self._forgotten.get(resource, 0):
            raise ExpiredError(
                f"{resource}: resourceVersion {version} is too old to watch from; list again and watch from there"
            )
        return [change for change in self._history.get(resource, ()) if change.version > version]

    def _drop(self, watch: Watch) -> None:
        watches = self._watches.get(watch.resource, [])
        if watch in watches:
            watches.remove(watch)
