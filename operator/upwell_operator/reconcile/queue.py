"""The keyed queue between ears and thought: what must be looked at, at once or later.

A key is in it once, however often it is added. A key that failed waits out its own backoff, whatever else is said about
it meanwhile, and never holds another one up (fluxcd/flux2#5622). All keys that are ready are taken together: a pass
plans them as one.

Limits: in memory, one taker. Nothing is lost with it, because everything in it can be seen again.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from upwell_operator.domain.snapshot import Ref
from upwell_operator.resources.meta import Kind

FIRST_DELAY, LONGEST_DELAY = 0.5, 300.0


class Subject(StrEnum):
    """What a key is about: one of the three kinds, or a run whose Job is over."""

    ASSET = Kind.ASSET.value
    OBSERVATION_JOB = Kind.OBSERVATION_JOB.value
    SCHEDULE = Kind.SCHEDULE.value
    RUN = "Run"


class Key(NamedTuple):
    """One object to look at."""

    subject: Subject
    ref: Ref


class Queue:
    """Keys that are ready, keys that wait for a time, and keys that somebody is busy with."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._ready: set[Key] = set()
        self._later: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._held: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """True when nothing is ready and nobody is busy; keys that wait for a time do not count."""
        return not (self._ready or self._busy or self._again)

    def add(self, *keys: Key) -> None:
        """Have keys looked at as soon as may be: after their backoff, and after whoever is busy with them."""
        for key in keys:
            if key in self._busy:
                self._again.add(key)
            elif key not in self._held:
                self._ready.add(key)
        self._wakeup.set()

    def add_at(self, key: Key, when: float) -> None:
        """Have a key looked at when the clock says so; the earliest of several such times counts."""
        if when < self._due.get(key, float("inf")):
            self._due[key] = when
            heapq.heappush(self._later, (when, key))
            self._wakeup.set()

    def claim(self, keys: Iterable[Key]) -> set[Key]:
        """Mark keys as being worked on until `done` or `failed`, and give those that may be now.

        One that somebody is busy with comes again afterwards; one that waits out its backoff comes then anyway.
        """
        claimed = set()
        for key in keys:
            if key in self._busy:
                self._again.add(key)
            elif key not in self._held:
                claimed.add(key)
        self._ready -= claimed
        self._busy |= claimed
        return claimed

    def done(self, key: Key) -> None:
        """Say that a key went well: its failures are forgotten."""
        self._failures.pop(key, None)
        self._release(key)

    def failed(self, key: Key, after: float | None = None) -> float:
        """Say that a key went wrong; it comes back after `after` seconds, or after its own growing backoff.

        Gives the delay. Doubling from half a second to five minutes is controller-runtime's habit.
        """
        count = self._failures[key] = self._failures.get(key, 0) + 1
        delay = after if after is not None else min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(count - 1, 16))
        self._held[key] = self._clock() + delay
        heapq.heappush(self._later, (self._held[key], key))
        self._ready.discard(key)
        self._again.discard(key)
        self._release(key)
        self._wakeup.set()
        return delay

    def forget(self, key: Key) -> None:
        """Drop a key whose object is gone."""
        for keys in (self._ready, self._again, self._busy):
            keys.discard(key)
        for times in (self._due, self._held, self._failures):
            times.pop(key, None)

    async def take(self) -> set[Key]:
        """Wait until at least one key is ready, and give all that are."""
        while True:
            self._promote()
            if self._ready:
                taken, self._ready = self._ready, set()
                return taken
            await self._sleep()

    def _release(self, key: Key) -> None:
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _promote(self) -> None:
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            when, key = heapq.heappop(self._later)
            if self._held.get(key) == when:
                del self._held[key]
            elif self._due.get(key) == when:
                del self._due[key]
            else:
                continue
            self.add(key)

    async def _sleep(self) -> None:
        self._wakeup.clear()
        timeout = max(0.0, self._later[0][0] - self._clock()) if self._later else None
        try:
            async with asyncio.timeout(timeout):
                await self._wakeup.wait()
        except TimeoutError:
            pass
