"""Operators as processes of the test: started, killed and frozen as a node would do it, on a Redis of their own.

They watch one namespace of the cluster and hold their Lease in it, so they meet no other operator but the deployed one,
which is sent away meanwhile (`undisturbed`).

Limits: they act with the rights of the test, not with those of the operator's account.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import redis_servers
from cluster.kubectl import Kubectl, until
from upwell_operator.cluster.connect import connect
from upwell_operator.cluster.port import Cluster
from upwell_operator.errors import NotFound

OPERATOR = "upwell-operator"
LEASE_SECONDS = 3
"""The shortest that the settings allow."""
LED_SECONDS, LOOK_SECONDS = 30, 0.05
PROGRAM = Path(sys.executable).with_name("upwell")


class Replica:
    """One operator process; what it says goes to a file."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen([PROGRAM, "operator"], env=environ, stdout=out, stderr=out)

    @property
    def running(self) -> bool:
        """Say whether the process has not ended."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it as an out-of-memory kill does: it cannot say goodbye."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it where it is, as a frozen node does."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, as if no time had passed."""
        self.process.send_signal(signal.SIGCONT)


class Replicas:
    """Operators of one namespace that share a Redis, and perhaps a Lease."""

    def __init__(self, cluster: Cluster, namespace: str, redis_url: str, logs: Path) -> None:
        self._cluster, self._namespace, self._logs = cluster, namespace, logs
        self.all: list[Replica] = []
        self.redis_url = redis_url

    def start(self, *, elected: bool) -> Replica:
        """Start one more."""
        environ = {
            **os.environ,
            "UPWELL_NAMESPACES": self._namespace,
            "UPWELL_LEASE_NAMESPACE": self._namespace,
            "UPWELL_LEASE_SECONDS": str(LEASE_SECONDS),
            "UPWELL_LEADER_ELECTION": str(elected).lower(),
            "UPWELL_REDIS_URL": self.redis_url,
            "UPWELL_PORT": "0",
        }
        self.all.append(Replica(environ, self._logs / f"operator-{len(self.all)}.log"))
        return self.all[-1]

    async def leader(self) -> Replica | None:
        """Give the running process that holds the Lease. An identity is `host_pid_random`."""
        try:
            lease = await self._cluster.get("leases", self._namespace, OPERATOR)
        except NotFound:
            return None
        pid = [*(lease["spec"].get("holderIdentity") or "").split("_"), "", ""][1]
        return next((one for one in self.all if str(one.process.pid) == pid and one.running), None)

    async def led(self, *, other_than: Replica | None = None) -> Replica:
        """Wait until one leads, another one than before."""
        async with asyncio.timeout(LED_SECONDS):
            while (leader := await self.leader()) in (None, other_than):  # noqa: ASYNC110  # what happens is not here
                await asyncio.sleep(LOOK_SECONDS)
        assert leader is not None
        return leader

    async def give_back(self) -> None:
        """Give the Lease of a dead process back, as its own end would have done: nobody has to wait it out."""
        patch = {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
        await self._cluster.patch("leases", self._namespace, OPERATOR, patch)

    def said(self) -> str:
        """Give everything that all of them have said."""
        return "".join(one.log.read_text() for one in self.all)


@asynccontextmanager
async def replicas(namespace: str, logs: Path) -> AsyncIterator[Replicas]:
    """Give a place to start operators of one namespace, with a Valkey of their own; nothing of it is left."""
    cluster = await connect()
    with redis_servers.running("valkey") as backend:
        ours = Replicas(cluster, namespace, backend.settings.redis_url, logs)
        try:
            yield ours
        finally:
            for one in ours.all:
                one.kill()
            await cluster.close()


@contextmanager
def undisturbed(upwell: Kubectl) -> Iterator[None]:
    """Send the deployed operator away for a while."""
    upwell.run("scale", f"deployment/{OPERATOR}", "--replicas=0")
    until(lambda: not upwell.list("pods", f"app.kubernetes.io/name={OPERATOR}"), 60)
    try:
        yield
    finally:
        upwell.run("scale", f"deployment/{OPERATOR}", "--replicas=1")
        upwell.rolled_out(OPERATOR)
