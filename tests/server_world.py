"""A server with a small world behind it: a memory cluster whose people have names and rights, a run, a store.

async with a_world() as world:
answer = await world.report(events=[an_event(dataVersion="v1")])
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import fakeredis
import httpx

from upwell_operator.cluster.port import Caller, Object
from upwell_operator.domain.snapshot import AssetId, Outcome
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.resources.meta import API_VERSION, Annotation, Label
from upwell_operator.server.app import create_app
from upwell_operator.settings import Settings
from upwell_operator.store import Store

NAMESPACE, ASSET, KEY, RUN, POD = (
    "shop",
    "raw-orders",
    "warehouse/raw_orders",
    "raw-orders-1a2b3c4d5e6f",
    "raw-orders-pod",
)
AUDIENCE = "upwell"
ALICE = "token-of-alice"
POD_SPEC = {"restartPolicy": "Never", "containers": [{"name": "run", "image": "shop:1"}]}
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class PeopleCluster(MemoryCluster):
    """A memory cluster that knows people by their tokens and asks for their rights."""

    def __init__(self, now: Any) -> None:
        super().__init__(now)
        self.people: dict[str, Caller] = {ALICE: Caller("alice", ("system:authenticated",), "uid-alice")}
        self.denied: set[tuple[str, str]] = set()
        """(verb, resource) that nobody may."""
        self.asked: list[tuple[str, str, str, str, str]] = []
        self.reviews = 0

    async def review_token(self, token: str, audience: str) -> Caller | None:
        """Know people for the API server's own audience, pods for others."""
        self.reviews += 1
        return self.people.get(token) if audience == "" else await super().review_token(token, audience)

    async def may(self, caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Allow what is not denied."""
        self.asked.append((caller.username, verb, resource, namespace, name))
        return (verb, resource) not in self.denied


@dataclass
class World:
    """What a test of the server needs at hand."""

    cluster: PeopleCluster
    store: Store
    http: httpx.AsyncClient
    app: Any
    clock: list[datetime]
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def report(
        self, events: Any = None, *, run: str = RUN, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """Report as the run's pod does."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        body = more.pop("content", None) or json.dumps({"events": events, "protocol": "1", **more})
        path = f"/v1/runs/{NAMESPACE}/{run}/events"
        return await self.http.post(path, content=body, headers={**headers, "Content-Type": "application/json"})

    async def get(self, path: str, token: str = ALICE, **params: Any) -> httpx.Response:
        """Read as a person does."""
        return await self.http.get(path, params=params or None, headers={"Authorization": f"Bearer {token}"})

    async def post(self, path: str, body: Any = None, token: str = ALICE) -> httpx.Response:
        """Write as a person does."""
        return await self.http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


def an_event(**fields: Any) -> dict[str, Any]:
    """Make an event in the wire format, an observation of the run's asset unless said otherwise."""
    an_event.number += 1  # type: ignore[attr-defined]
    number = an_event.number  # type: ignore[attr-defined]
    base = {"id": f"e{number}", "type": "AssetObservation", "assetKey": KEY, "time": "2026-11-22T12:00:00Z"}
    return {name: value for name, value in {**base, **fields}.items() if value is not ...}


an_event.number = 0  # type: ignore[attr-defined]


def an_asset_object(name: str = ASSET, **spec: Any) -> Object:
    """Make an Asset; an observable source unless `spec` says otherwise."""
    default = {"key": KEY, "observe": {"python": {"function": "shop:raw"}, "image": "shop:1"}} if not spec else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "Asset",
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {**default, **spec},
    }


def a_job_object(run: str = RUN, **annotations: str) -> Object:
    """Make the Job of a run as the operator writes it."""
    notes = {
        Annotation.ASSET.value: ASSET,
        Annotation.ASSET_KEY.value: KEY,
        Annotation.FENCE.value: "1",
        Annotation.INPUTS.value: "[]",
        Annotation.TRIGGER.value: '{"type": "Request", "detail": "t1"}',
        **annotations,
    }
    labels = {Label.MANAGED_BY.value: "upwell", Label.RUN.value: run, Label.RUN_KIND.value: "observe"}
    metadata = {"namespace": NAMESPACE, "name": run, "labels": labels, "annotations": notes}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": POD_SPEC}}}


def a_pod_object(job: Object, name: str = POD, **metadata: Any) -> Object:
    """Make a pod as the Job controller does."""
    run = job["metadata"]["name"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": run, "uid": job["metadata"]["uid"], "controller": True}
    meta = {"namespace": NAMESPACE, "name": name, "labels": {Label.RUN.value: run}, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, **metadata}, "spec": POD_SPEC}


async def a_run_in(cluster: MemoryCluster, run: str = RUN, pod: str = POD, **annotations: str) -> str:
    """Create Job and pod of a run; give the pod's token."""
    job = await cluster.create("jobs", a_job_object(run, **annotations))
    await cluster.create("pods", a_pod_object(job, pod))
    return cluster.issue_token(NAMESPACE, pod, AUDIENCE, timedelta(hours=1))


async def outcome_of(cluster: MemoryCluster, store: Store, run: str = RUN) -> Outcome | None:
    """Give what is recorded of a run."""
    job = await cluster.get("jobs", NAMESPACE, run)
    return await store.outcome(AssetId(NAMESPACE, KEY), job["metadata"]["uid"])


def a_store() -> Store:
    """Make a store on a Redis inside this process, with the real scripts."""
    settings = Settings()
    return Store(settings, fakeredis.FakeAsyncRedis(decode_responses=True, server=fakeredis.FakeServer()))


@asynccontextmanager
async def a_world(settings: Settings | None = None, store: Store | None = None) -> AsyncIterator[World]:
    """Make a world with one asset and one run of it."""
    clock = [START]
    cluster = PeopleCluster(lambda: clock[0])
    store = store or a_store()
    await cluster.create("assets", an_asset_object())
    app = create_app(cluster, store, settings or Settings(), clock=lambda: clock[0])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as http:
        world = World(cluster, store, http, app, clock)
        world.token = await a_run_in(cluster)
        yield world
    await store.close()
