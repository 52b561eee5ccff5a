"""An operator's mind for tests: the real Reconciler over the embedded cluster, on foot or running.

    Bench    on foot: nothing moves by itself; `settle` lets passes run until there is nothing left to do
    Plane    running: the loop as `upwell operator` runs it; tests wait for what they expect with `until`

Both speak for kubelet and server: a test reports what a run saw (`reports`), ends its Job (`ends`), or both at once
(`finishes`). Names are in namespace `shop`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import fakeredis

from reconcile_objects import NAMESPACE, START, Json, over
from upwell.protocol import Event, EventType, RunKind
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.objects import stamp
from upwell_operator.reconcile import Reconciler
from upwell_operator.reconcile.mirror import WATCHED
from upwell_operator.reconcile.queue import Key
from upwell_operator.reconcile.reporting import entry
from upwell_operator.resources.meta import Annotation, Label
from upwell_operator.settings import Settings
from upwell_operator.store import Append, Store

PATIENCE = 30.0


# ---------------------------------------------------------------- cluster


class FrailCluster(MemoryCluster):
    """The embedded cluster, which counts its writes, and refuses a verb as often as a test says."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.refusals: dict[str, list[Exception]] = {}
        """Verb -> errors for its next calls."""
        self.written: list[tuple[str, str, Json]] = []
        """(verb, name, body) of every write that was asked for."""
        self.logs: dict[str, str | Exception] = {}
        self.log_reader = self._log

    async def _log(self, _namespace: str, pod: str, _bytes: int) -> str:
        log = self.logs.get(pod, "")
        if isinstance(log, Exception):
            raise log
        return log

    def _refuse(self, verb: str) -> None:
        if self.refusals.get(verb):
            raise self.refusals[verb].pop(0)

    async def get(self, resource: str, namespace: str, name: str) -> Json:
        self._refuse("get")
        return await super().get(resource, namespace, name)

    async def list(self, resource: str, namespace: str | None = None, selector: str = "", **more: Any) -> Any:
        self._refuse("list")
        return await super().list(resource, namespace, selector, **more)

    async def create(self, resource: str, obj: Json, *, dry_run: bool = False) -> Json:
        if resource == "jobs":
            self.written.append(("create", obj["metadata"]["name"], obj))
            self._refuse("create")
        return await super().create(resource, obj, dry_run=dry_run)

    async def patch(self, resource: str, namespace: str, name: str, patch: Json) -> Json:
        self._refuse("patch")
        return await super().patch(resource, namespace, name, patch)

    async def patch_status(self, resource: str, namespace: str, name: str, patch: Json) -> Json:
        if resource != "jobs":
            self.written.append(("patch_status", name, patch))
            self._refuse("patch_status")
        return await super().patch_status(resource, namespace, name, patch)

    async def post_event(self, regarding: Json, *, reason: str, message: str, warning: bool = False) -> None:
        self._refuse("post_event")
        await super().post_event(regarding, reason=reason, message=message, warning=warning)

    def patches(self, name: str) -> list[Json]:
        """Give the status patches of an object, oldest first."""
        return [body["status"] for verb, whose, body in self.written if verb == "patch_status" and whose == name]

    async def told(self, name: str) -> list[tuple[str, str]]:
        """Give type and reason of the Events about an object."""
        events = (await super().list("events")).items
        return [(one["type"], one["reason"]) for one in events if one["involvedObject"]["name"] == name]


@dataclass
class Clock:
    """The one clock of a test; it stands until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


# ---------------------------------------------------------------- what a cluster and a server do


@dataclass
class World:
    """Cluster, store and mind, and the verbs of a story."""

    store: Store
    settings: Settings = field(default_factory=lambda: Settings(leader_election=False))
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.cluster = FrailCluster(self.clock)
        self.missed: Counter[str] = Counter()
        self._events = 0
        self.leads = True
        self.mind = self.a_mind()

    def a_mind(self) -> Reconciler:
        """Give an operator that knows nothing yet: the one of the next life."""

        def missed(resource: str, count: int) -> None:
            self.missed[resource] += count

        return Reconciler(self.cluster, self.store, self.settings, self.clock, lambda: self.leads, missed)

    async def apply(self, *manifests: Json) -> None:
        for manifest in manifests:
            await self.cluster.apply(manifest)

    async def request(self, name: str, token: str, resource: str = "assets") -> None:
        """Ask for a run, as the command line does."""
        patch = {"metadata": {"annotations": {Annotation.REQUESTED_AT.value: token}}}
        await self.cluster.patch(resource, NAMESPACE, name, patch)

    async def status(self, name: str, resource: str = "assets") -> Json:
        return (await self.cluster.get(resource, NAMESPACE, name)).get("status") or {}

    async def condition(self, name: str, kind: str, resource: str = "assets") -> tuple[str, ...]:
        """Give status and reason of a condition; nothing when there is none."""
        found = [one for one in (await self.status(name, resource)).get("conditions", ()) if one["type"] == kind]
        return (found[0]["status"], found[0]["reason"]) if found else ()

    async def runs(self, asset: str | None = None) -> list[Run]:
        """Give the runs that have a Job, oldest first."""
        found = [run for job in (await self.cluster.list("jobs")).items if (run := read_run(job))]
        return sorted((run for run in found if asset in (None, run.asset.name)), key=lambda run: run.fence)

    async def open_runs(self, asset: str | None = None) -> list[Run]:
        return [run for run in await self.runs(asset) if run.phase == "Active"]

    async def reports(self, run: Run, version: str | None, **fields: Any) -> None:
        """Report the run's result as the server takes it: the same `entry`, the same `append`."""
        kind = EventType.OBSERVATION if run.kind is RunKind.OBSERVE else EventType.MATERIALIZATION
        event = self.an_event(kind, run.asset_key, version, result=True, **fields)
        await self.store.append([entry(run, None, event, None, self.clock())])

    async def outside(self, key: str, version: str) -> None:
        """Report a version as an external system does, without a run."""
        await self.store.append(
            [Append(AssetId(NAMESPACE, key), self.an_event(EventType.OBSERVATION, key, version), version=version)]
        )

    def an_event(self, kind: EventType, key: str, version: str | None = None, **fields: Any) -> Event:
        self._events += 1
        fields.setdefault("id", f"event-{self._events}")
        return Event(type=kind, asset_key=key, time=self.clock().isoformat(), data_version=version, **fields)

    async def ends(self, run: Run, kind: str = "Complete", reason: str = "", message: str = "") -> None:
        """End a run's Job as the Job controller does."""
        status = over(kind, reason, message)
        status["conditions"][0]["lastTransitionTime"] = stamp(self.clock())
        await self.cluster.patch_status("jobs", *run.ref, {"status": status})

    async def finishes(self, run: Run, version: str | None) -> None:
        await self.reports(run, version)
        await self.ends(run)

    async def leaves(self, run: Run, message: str, *, code: int = 0, pod: str = "") -> str:
        """Leave a pod that has ended with this termination message."""
        name = pod or f"{run.ref.name}-pod"
        labels = {Label.RUN.value: run.ref.name}
        await self.cluster.create(
            "pods", {"metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}, "spec": {}}
        )
        ended = {"exitCode": code, "message": message}
        containers = [{"name": "sidecar", "state": {}}, {"name": "run", "state": {"terminated": ended}}]
        await self.cluster.patch_status("pods", NAMESPACE, name, {"status": {"containerStatuses": containers}})
        return name


class Bench(World):
    """A mind on foot, with a Redis inside this process that can go away."""

    def __init__(self, **settings: Any) -> None:
        self.redis = fakeredis.FakeServer()
        client = fakeredis.FakeAsyncRedis(decode_responses=True, server=self.redis)
        super().__init__(Store(Settings(), client), Settings(leader_election=False, **settings))
        self._ears = {resource: self.cluster.watch(resource) for resource in WATCHED}
        self._place: dict[int, str] = {0: "0-0"}

    def freeze(self) -> None:
        """Let the queue's clock stand, so that no backoff is over before the test says so."""
        self._time = asyncio.get_running_loop().time()
        self.mind.queue._clock = lambda: self._time

    async def later(self, seconds: float = 10) -> None:
        """Let backoffs be over, and look at what waited."""
        self._time += seconds
        await self.step(await asyncio.wait_for(self.mind.queue.take(), PATIENCE))
        await self.settle()

    async def settle(self) -> None:
        """Hear everything, look at everything, and again, until nothing is left to do."""
        while await self._hears() or len(self.mind.queue):
            await self.step(await self.mind.queue.take())

    async def step(self, keys: set[Key]) -> None:
        """Run one pass, and what it started."""
        await self.mind._pass.run(keys)
        await self.mind._pass.drain()

    async def looks(self) -> None:
        """Look at everything once more, as the slow full pass does."""
        await self.mind._look(self.mind._missed)
        await self.settle()

    async def hears(self, resource: str) -> bool:
        """Hear what one watch has brought; say whether that was anything."""
        watch, heard = self._ears[resource], False
        while watch.pending():
            event, obj = await anext(watch)
            self.mind.hear(resource, event, obj)
            heard = True
        return heard

    async def _hears(self) -> bool:
        heard = [await self.hears(resource) for resource in self._ears]
        if self.redis.connected:
            self.mind._heard(await self.store.changes(self._place))
        return any(heard) and len(self.mind.queue) > 0

    async def runs_through(self, asset: str, version: str | None) -> Run:
        """Let the one open run of an asset report this version and end."""
        (run,) = await self.open_runs(asset)
        await self.finishes(run, version)
        await self.settle()
        return run

    async def observed(self, asset: str, version: str, token: str) -> Run:
        await self.request(asset, token)
        await self.settle()
        return await self.runs_through(asset, version)


class Plane(World):
    """A mind that runs."""

    async def lives(self) -> None:
        """Live one life of the operator: hear, think, act, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for resource in WATCHED:
                group.create_task(self._hear(resource, self.mind))
            group.create_task(self.mind.run())

    async def _hear(self, resource: str, mind: Reconciler) -> None:
        async for event, obj in self.cluster.watch(resource):
            mind.hear(resource, event, obj)

    def look_again(self) -> None:
        """Have everything looked at now, as the slow full pass does in its time."""
        self.mind.queue.add(*self.mind.mirror)

    async def run_of(self, asset: str) -> Run:
        """Wait for the open run of an asset."""
        (run,) = await until(lambda: self.open_runs(asset), f"{asset} has a run")
        return run

    async def recorded(self, run: Run) -> Run:
        """Wait until a run's outcome is on its Job."""

        async def found() -> Run | None:
            return next((one for one in await self.runs() if one.ref == run.ref and one.outcome), None)

        return await until(found, f"{run.ref} is recorded")

    async def says(self, name: str, kind: str, reason: str, resource: str = "assets") -> str:
        """Wait until a condition has this reason; give its message."""

        async def there() -> str | None:
            conditions = (await self.status(name, resource)).get("conditions", ())
            return next((one["message"] for one in conditions if (one["type"], one["reason"]) == (kind, reason)), None)

        return await until(there, f"{name} has {kind} for the reason {reason}")

    async def observed(self, asset: str, version: str, token: str) -> Run:
        """Ask for an observation, let it see this version, and wait until that is recorded."""
        await self.request(asset, token)
        run = await self.run_of(asset)
        await self.finishes(run, version)
        return await self.recorded(run)

    async def quiet(self) -> None:
        """Wait until nothing moves: no key ready, nobody busy, no write within a few looks."""
        seen_at, still = "", 0

        def calm() -> bool:
            nonlocal seen_at, still
            moved = not self.mind.queue.idle or self.mind._pass._tasks or self.cluster.resource_version != seen_at
            seen_at, still = self.cluster.resource_version, 0 if moved else still + 1
            return still > 10

        await until(calm, "all is quiet")


@asynccontextmanager
async def living(plane: Plane) -> AsyncIterator[Plane]:
    """Let an operator live while the block lasts; what it raises, the block raises."""
    async with asyncio.TaskGroup() as group:
        life = group.create_task(plane.lives())
        try:
            yield plane
        finally:
            life.cancel()


async def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Give what a condition gives as soon as it gives something. Raises TimeoutError saying what never came."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.01)
