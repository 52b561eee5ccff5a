"""A Leadership in a thread of its own, with its own loop and its own connection: a busy mind misses no renewal.

A first pass over ten thousand assets, or a node that gives the process little time, may keep the main loop from its
timers for longer than the Lease stands. client-go renews in a goroutine of its own for the same reason.

Limits: what is asked from outside (`valid`, `holder`, `transitions`) are single reads, safe between threads. `on_lost`
is called in the loop of whoever runs this.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from upwell_operator.cluster.kube import KubeCluster
from upwell_operator.cluster.lease import Leadership, LeaseName, Lost
from upwell_operator.cluster.own_loop import in_own_loop

Connect = Callable[[], Awaitable[KubeCluster]]
STOP_SECONDS = 10.0
"""How long giving the Lease back may take; after that it runs out by itself."""


class LeaseThread:
    """Stands for a Lease, and keeps it, while `run` runs. `connect` gives the thread a cluster, which it closes."""

    def __init__(self, connect: Connect, lease: LeaseName, identity: str, on_lost: Lost) -> None:
        self._connect, self._lease, self._on_lost = connect, lease, on_lost
        self.identity = identity
        self._event, self._ending = asyncio.Event(), threading.Event()
        self._leadership: Leadership | None = None
        self._stop: Callable[[], object] = lambda: None

    @property
    def holder(self) -> str:
        """Give who held the Lease when it was last looked at."""
        return self._leadership.holder if self._leadership else ""

    @property
    def stands_by(self) -> bool:
        """Say whether another one holds the Lease, and lives."""
        return self._leadership is not None and self._leadership.stands_by

    @property
    def transitions(self) -> int:
        """Give how often the Lease has changed hands, as far as this process held it."""
        return self._leadership.transitions if self._leadership else 0

    def valid(self) -> bool:
        """Say whether this process still holds the Lease: to be asked before every write."""
        return self._leadership is not None and self._leadership.valid()

    async def acquired(self) -> None:
        """Wait until this process holds the Lease."""
        await self._event.wait()

    async def run(self) -> None:
        """Acquire and renew until cancelled, then give the Lease back. Raises what ended the thread by itself."""
        error = await in_own_loop(self._lead, name="lease", stop=self._end, patience=STOP_SECONDS)
        if error is not None:
            raise error

    def _end(self) -> None:
        self._ending.set()
        with suppress(RuntimeError):  # it has ended
            self._stop()

    async def _lead(self, home: asyncio.AbstractEventLoop) -> None:
        loop, cluster = asyncio.get_running_loop(), await self._connect()

        def lost(why: str) -> None:
            home.call_soon_threadsafe(self._on_lost, why)

        self._leadership = Leadership(cluster, self._lease, self.identity, lost)
        work = asyncio.ensure_future(self._leadership.run())
        self._stop = lambda: loop.call_soon_threadsafe(work.cancel)
        if self._ending.is_set():
            work.cancel()
        told = asyncio.ensure_future(self._tell_acquired(home))
        try:
            await work
        except asyncio.CancelledError:
            return
        finally:
            told.cancel()
            await cluster.close()

    async def _tell_acquired(self, home: asyncio.AbstractEventLoop) -> None:
        assert self._leadership is not None  # noqa: S101  # there is one before this begins
        await self._leadership.acquired()
        home.call_soon_threadsafe(self._event.set)
