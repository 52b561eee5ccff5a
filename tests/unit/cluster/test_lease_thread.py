"""A Lease kept by a thread: whatever keeps the main loop busy, renewals go on; what happens there is told here."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from upwell_operator.cluster.lease import LeaseName
from upwell_operator.cluster.lease_thread import LeaseThread
from upwell_operator.errors import NotFound
from upwell_operator.local.memory import MemoryCluster

NAME = LeaseName("upwell-system", "upwell-operator", seconds=1)


class Own(MemoryCluster):
    """A cluster that one thread has for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.renewals: list[float] = []
        self.closed = False

    async def update(self, resource: str, obj: Any) -> Any:
        self.renewals.append(time.monotonic())
        return await super().update(resource, obj)

    async def close(self) -> None:
        self.closed = True

    def holder(self) -> str:
        (lease,) = self._shelf.all("leases")
        return str(lease["spec"]["holderIdentity"])


@pytest.fixture
def own() -> Own:
    return Own()


def a_thread(own: Own, lost: list[str]) -> LeaseThread:
    async def connect() -> Any:
        return own

    return LeaseThread(connect, NAME, "me", lost.append)


async def ended(work: asyncio.Future[None]) -> None:
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_busy_loop_misses_no_renewal(own: Own) -> None:
    lost: list[str] = []
    thread = a_thread(own, lost)
    work = asyncio.ensure_future(thread.run())
    await asyncio.wait_for(thread.acquired(), 10)
    began = time.monotonic()
    while time.monotonic() < began + 2.5 * NAME.seconds:  # the loop gets no turn meanwhile
        pass
    assert thread.valid()
    assert len([one for one in own.renewals if one > began]) >= 3
    assert (thread.holder, thread.transitions, lost) == ("me", 1, [])
    await ended(work)
    assert (own.holder(), own.closed, thread.valid()) == ("", True, False)


async def test_a_loss_is_told_in_the_loop_of_whoever_runs_it(own: Own) -> None:
    lost: list[str] = []
    thread = a_thread(own, lost)
    assert (thread.valid(), thread.holder, thread.transitions) == (False, "", 0)
    work = asyncio.ensure_future(thread.run())
    await asyncio.wait_for(thread.acquired(), 10)
    (lease,) = own._shelf.all("leases")
    spec = {**lease["spec"], "holderIdentity": "somebody else", "leaseDurationSeconds": 60}
    own_update = MemoryCluster.update
    await own_update(own, "leases", {**lease, "spec": spec})
    async with asyncio.timeout(10):
        while not lost:  # noqa: ASYNC110 -- what happens is in another thread
            await asyncio.sleep(0.02)
    assert lost == ["somebody else holds it now"]
    assert not thread.valid()
    await ended(work)


async def test_what_ends_the_thread_is_raised() -> None:
    async def connect() -> Any:
        raise NotFound("no cluster to connect to")

    with pytest.raises(NotFound, match="no cluster to connect to"):
        await LeaseThread(connect, NAME, "me", print).run()


async def test_whoever_is_stopped_before_he_is_connected_stands_for_no_lease(own: Own) -> None:
    gate = asyncio.Event()

    async def connect() -> Any:
        while not gate.is_set():  # noqa: ASYNC110 -- the event is another loop's
            await asyncio.sleep(0.01)
        return own

    work = asyncio.ensure_future(LeaseThread(connect, NAME, "me", print).run())
    await asyncio.sleep(0)
    work.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert own.closed
    assert list(own._shelf.all("leases")) == []
