"""`upwell operator`: ears, mind and Lease in one process, and a small page that says how it is.

Every replica looks for itself first and listens then: kopf would read the same ten thousand objects beside it, with the
same interpreter. A standby goes on so, and knows the world when its turn comes; only the holder of the Lease decides
and writes. Losing the Lease ends the process: whatever it was about to do was decided in another time.

Limits: composition and order of starting and stopping. Exit is by exception; the CLI turns that into an exit code.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from upwell_operator.cluster.connect import connect
from upwell_operator.cluster.lease import Leadership, LeaseName, Lost
from upwell_operator.cluster.lease_thread import LeaseThread
from upwell_operator.cluster.port import Cluster
from upwell_operator.errors import Fenced, StoreUnavailable, UpwellError
from upwell_operator.handlers import collecting
from upwell_operator.handlers.ears import HEARD, Ears
from upwell_operator.handlers.freshness_metrics import Freshness
from upwell_operator.handlers.vitals import Vitals
from upwell_operator.health import Check, Checks
from upwell_operator.reconcile import Reconciler
from upwell_operator.settings import Settings
from upwell_operator.store import Store

log = logging.getLogger(__name__)
EPOCH_RETRY_SECONDS = 2.0
LISTEN_CHECK_SECONDS = 0.1
LISTEN_PATIENCE_SECONDS = 10.0
"""How long the first writes keep a leader from listening: nobody hears of a request for so long."""
DRAIN_SECONDS = 5.0
MIND = 2
"""Place of the mind among the parts of a replica."""
Serve = Callable[[Checks, CollectorRegistry], Coroutine[Any, Any, None]]
Stand = Callable[[LeaseName, str, Lost], Leadership | LeaseThread]


class LeaseLostError(UpwellError):
    """Another operator leads now; this process ends, and its replacement stands by."""


async def run_operator(
    settings: Settings, serve: Serve, kubeconfig: str | None = None, context: str | None = None
) -> None:
    """Run until SIGTERM. `serve` runs the page with checks and metrics. Raises LeaseLostError, Fenced, NotFound."""
    cluster = await connect(kubeconfig, context, concurrency=settings.concurrency)
    own, store = partial(connect, kubeconfig, context), Store(settings)
    try:
        await Operator(cluster, store, settings, lambda *given: LeaseThread(own, *given)).run(serve)
    finally:
        await cluster.close()
        await store.close()


class Operator:
    """One replica. `stand` makes who stands for the Lease; by default one in this loop, on this cluster."""

    def __init__(self, cluster: Cluster, store: Store, settings: Settings, stand: Stand | None = None) -> None:
        self._store, self._settings = store, settings
        self._registry = CollectorRegistry()
        self._vitals = Vitals(tuple(plural for _, _, plural in HEARD), self._registry)
        lease = LeaseName(settings.lease_namespace, settings.lease_name, settings.lease_seconds)
        self._leadership = (stand or partial(Leadership, cluster))(lease, _identity(settings), self._on_lost)
        self._lost, self._working = asyncio.Event(), False
        may_write = self._leadership.valid if settings.leader_election else lambda: True
        self._mind = Reconciler(cluster, store, settings, lambda: datetime.now(UTC), may_write, self._vitals.missed)
        self._ears = Ears(self._mind.hear, self._vitals, settings.namespaces)
        self._measure()

    async def run(self, serve: Serve) -> None:
        """Run everything; the first part to end ends all, and the Lease is given back last."""
        collecting.put_off()
        elected = [self._leadership.run()] if self._settings.leader_election else []
        page = serve(self._checks(), self._registry)
        parts = [_signalled(), self._listen(), self._mind.run(self._turn), self._give_up(), page, *elected]
        tasks = [asyncio.ensure_future(part) for part in parts]
        tidying = asyncio.ensure_future(collecting.give_back(lambda: self._mind.queue.idle))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._mind.stop()
            tidying.cancel()
            await _end(tasks, DRAIN_SECONDS if self._working else 0)

    async def _listen(self) -> None:
        """Listen once it has been looked, and a leader has written, or that takes long."""
        await self._mind.looked.wait()
        await _until(lambda: self._mind.planned.is_set() or self._leadership.stands_by)
        collecting.leave_out()
        if self._mind.planned.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(_until(lambda: self._mind.queue.idle), LISTEN_PATIENCE_SECONDS)
        await self._ears.listen()

    async def _turn(self) -> None:
        """Wait for the Lease, and take an epoch."""
        if self._settings.leader_election:
            await self._leadership.acquired()
            await self._take_epoch()
        self._working = True

    async def _take_epoch(self) -> None:
        """Fence former leaders off the store. A store that is away must not keep observations from going on."""
        try:
            await self._store.raise_epoch(self._leadership.transitions)
        except StoreUnavailable as error:
            log.warning("no fencing epoch yet, the store does not answer: %s", error)
            self._later = asyncio.ensure_future(self._take_epoch_later())

    async def _take_epoch_later(self) -> None:
        """Try again. Nobody awaits this, so what a former leader must hear is said as the loss of the Lease."""
        await asyncio.sleep(EPOCH_RETRY_SECONDS)
        try:
            await self._take_epoch()
        except Fenced as error:
            self._on_lost(str(error))

    def _on_lost(self, why: str) -> None:
        log.error("the Lease is lost (%s); this process ends", why)
        self._lost.set()

    async def _give_up(self) -> None:
        await self._lost.wait()
        raise LeaseLostError("the Lease is lost; another operator leads now")

    def _checks(self) -> Checks:
        async def leads() -> Check:
            if not self._settings.leader_election:
                return Check(ok=True, message="no election: every replica acts")
            return Check(
                ok=True, message="leads" if self._leadership.valid() else f"stands by for {self._leadership.holder}"
            )

        async def redis() -> Check:
            await self._store.ping()
            return Check(ok=True, message="answers")

        def watch(name: str) -> Callable[[], Awaitable[Check]]:
            async def check() -> Check:
                return Check(*self._vitals.checks()[name])

            return check

        return {"leader": leads, "store": redis, **{name: watch(name) for name in self._vitals.checks()}}

    def _measure(self) -> None:
        """Metrics with the names that controllers have everywhere, and ours."""

        def gauge(name: str, words: str, value: Callable[[], float]) -> None:
            Gauge(name, words, registry=self._registry).set_function(value)

        self._registry.register(Freshness(self._mind.world))

        gauge("leader_election_master_status", "1 while this replica leads.", lambda: float(self._leadership.valid()))
        gauge("workqueue_depth", "Keys that wait to be looked at.", lambda: float(len(self._mind.queue)))
        gauge("upwell_full_passes", "Times that everything was listed anew.", lambda: float(self._mind.looks))
        gauge("upwell_assets", "Accepted assets.", lambda: float(len(self._mind.world.graph)))
        gauge("upwell_store_reachable", "1 while the store answers.", lambda: float(self._mind.world.store_reachable))
        gauge(
            "upwell_state_rebuilt",
            "Assets whose state was rebuilt from status.",
            lambda: float(self._mind.gatherer.rebuilt),
        )


def _identity(settings: Settings) -> str:
    """Give the name to hold the Lease by: that of the pod, else one that no other process has ever had.

    kubelet starts a container again only after its former process has ended, so the pod's later lives need not wait for
    the Lease of the earlier ones to run out. A pod's name would not do: after a forced deletion two may bear the same.
    """
    return f"{socket.gethostname()}_{settings.pod_uid or f'{os.getpid()}_{uuid.uuid4().hex[:8]}'}"


async def _until(condition: Callable[[], bool]) -> None:
    """Wait until something holds that nobody tells of: who leads is a field of another thread."""
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(LISTEN_CHECK_SECONDS)


async def _signalled() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


async def _end(tasks: Sequence[asyncio.Future[None]], patience: float) -> None:
    """Let the actions in flight end, then cancel what is left; a Lease is given back by its own task."""
    await asyncio.wait([tasks[MIND]], timeout=patience)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
