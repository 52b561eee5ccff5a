"""One active operator: a Lease that is acquired, renewed, and given back on the way out.

The rules are client-go's. Time is local: another holder's Lease has run out when *this* process has seen no change of
it for as long as it promises, so clocks of two machines are never compared. Our own is valid for two thirds of its
time, counted from before the renewal was sent, so that we stop before another one may begin. Every acquisition raises
`leaseTransitions`, also our own after a loss: it is a lower bound for the store's fencing epoch.

Limits: a process that is paused between `valid()` and its write can still write late; the store's epoch and the
API server's resourceVersion catch that. Works over the port, so in memory under a virtual clock as on a real cluster.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from upwell_operator.cluster.events import micro_time
from upwell_operator.cluster.port import Cluster, Object
from upwell_operator.errors import AlreadyExists, Conflict, NotFound, UpwellError

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
Lost = Callable[[str], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseName:
    """Which Lease, and how long it stands without being renewed."""

    namespace: str
    name: str
    seconds: int = 8

    @property
    def renew_deadline(self) -> float:
        """Give the seconds after which a holder that could not renew must stop."""
        return self.seconds * 2 / 3

    @property
    def retry(self) -> float:
        """Give the seconds between two attempts to acquire or renew."""
        return self.seconds / 4


@dataclass(slots=True)
class Seen:
    """The Lease as another holder left it, when this process first saw it so, and whether it had seen it otherwise."""

    version: str
    at: float
    renewed: bool


class Leadership:
    """Holds a Lease while `run` runs. `identity` is unique to this process; `on_lost` is called with the reason.

    After a loss it stands for the Lease again: whoever must not carry on ends the process in `on_lost`.
    """

    def __init__(
        self,
        cluster: Cluster,
        lease: LeaseName,
        identity: str,
        on_lost: Lost | None = None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._cluster = cluster
        self._lease = lease
        self.identity = identity
        self._on_lost = on_lost
        self._clock, self._sleep = clock, sleep
        # standbys that started together do not ask together: up to a fifth more, always the same for one process
        self._pause = lease.retry * (1 + zlib.crc32(identity.encode()) % 100 / 500)
        self._event = asyncio.Event()
        self._renewed_at = float("-inf")
        self._held: Object | None = None
        self._seen: Seen | None = None
        self.transitions = 0
        self.holder = ""

    @property
    def stands_by(self) -> bool:
        """Say whether another one holds the Lease, and lives: it was seen to renew it."""
        return self._seen is not None and self._seen.renewed and self.holder not in ("", self.identity)

    async def acquired(self) -> None:
        """Wait until this process holds the Lease."""
        await self._event.wait()

    def valid(self) -> bool:
        """Say whether this process still holds the Lease: to be asked before every write."""
        return self._held is not None and self._clock() - self._renewed_at < self._lease.renew_deadline

    async def run(self) -> None:
        """Acquire and renew until cancelled, then give the Lease back, so that a standby need not wait for its end."""
        try:
            while True:
                await self.step()
                await self._sleep(self._pause)
        finally:
            await asyncio.shield(self.release())

    async def step(self) -> None:
        """Try once to renew or acquire; a failure is logged, and ends the leadership only if its time is over."""
        try:
            await (self._renew() if self._held is not None else self._acquire())
        except UpwellError as error:
            logger.warning("lease %s/%s: %s", self._lease.namespace, self._lease.name, error)
        if self._held is not None and not self.valid():
            self._lose(f"it could not be renewed for {self._lease.renew_deadline:.1f} s")

    async def release(self) -> None:
        """Give the Lease back if we hold it; whatever goes wrong, the others only wait longer."""
        held, self._held = self._held, None
        self._event.clear()
        if held is None:
            return
        try:
            given_back = _with(held, holderIdentity="", leaseDurationSeconds=1, renewTime=micro_time())
            await self._cluster.update("leases", given_back)
        except UpwellError as error:
            logger.info("lease %s/%s was not given back: %s", self._lease.namespace, self._lease.name, error)

    async def _renew(self) -> None:
        assert self._held is not None  # noqa: S101  # step() asks only then
        started = self._clock()
        try:
            renewed = await self._cluster.update("leases", _with(self._held, renewTime=micro_time()))
        except (Conflict, NotFound):
            await self._reread()
        else:
            self._take(renewed, started)

    async def _reread(self) -> None:
        """Somebody wrote or deleted it: a metadata change by a person is no loss, another holder is."""
        try:
            current = await self._cluster.get("leases", self._lease.namespace, self._lease.name)
        except NotFound:
            self._lose("somebody deleted it")
            return
        spec = current.get("spec") or {}
        if spec.get("holderIdentity") == self.identity and spec.get("leaseTransitions") == self.transitions:
            self._held = current  # the next step renews it
        else:
            self._lose(f"{spec.get('holderIdentity') or 'nobody'} holds it now")

    async def _acquire(self) -> None:
        try:
            current = await self._cluster.get("leases", self._lease.namespace, self._lease.name)
        except NotFound:
            await self._create()
            return
        started = self._clock()
        if not self._free(current, started):
            return
        transitions = int((current.get("spec") or {}).get("leaseTransitions") or 0) + 1
        try:
            taken = await self._cluster.update("leases", _with(current, **self._spec(transitions)))
        except (Conflict, NotFound):
            return  # another one was faster
        self._take(taken, started)

    async def _create(self) -> None:
        started = self._clock()
        meta = {"namespace": self._lease.namespace, "name": self._lease.name}
        obj = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": self._spec(1)}
        try:
            self._take(await self._cluster.create("leases", obj), started)
        except AlreadyExists:
            return  # another one was faster

    def _free(self, current: Object, now: float) -> bool:
        spec = current.get("spec") or {}
        self.holder = spec.get("holderIdentity") or ""
        version = current["metadata"]["resourceVersion"]
        if self._seen is None or self._seen.version != version:
            self._seen = Seen(version, now, renewed=self._seen is not None)
        # an empty holder gave it back; our own identity is an earlier life of this process, which cannot be writing
        if self.holder in ("", self.identity):
            return True
        return now - self._seen.at >= (spec.get("leaseDurationSeconds") or self._lease.seconds)

    def _take(self, held: Object, started: float) -> None:
        first = self._held is None
        self._held, self._renewed_at, self._seen = held, started, None
        self.transitions, self.holder = int(held["spec"]["leaseTransitions"]), self.identity
        if first:
            logger.info("holds lease %s/%s, transition %s", self._lease.namespace, self._lease.name, self.transitions)
            self._event.set()

    def _lose(self, why: str) -> None:
        self._held = None
        self._event.clear()
        logger.error("lost lease %s/%s: %s", self._lease.namespace, self._lease.name, why)
        if self._on_lost is not None:
            self._on_lost(why)

    def _spec(self, transitions: int) -> dict[str, Any]:
        now = micro_time()
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._lease.seconds,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }


def _with(lease: Object, **spec: Any) -> Object:
    """Give a copy of the Lease with these fields; its resourceVersion makes the write fail if somebody was faster."""
    return {**lease, "spec": {**(lease.get("spec") or {}), **spec}}
