"""Assets whose runs the test plays itself, so that hundreds fit into minutes: Jobs are real, containers are not.

The pods name a scheduler that nobody is, so no kubelet takes them. The test ends them: half by what the server does
with a report (the same `entry`, the same `append`) followed by the end of the pod, half by a termination message alone.
All else is Kubernetes' own: the Job controller makes the pods, counts them, and completes the Jobs.

Limits: one namespace; every run succeeds. What real containers do is in the tests beside this one.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from cluster.kubectl import Json
from cluster.manifests import SHELL
from upwell.protocol import Event, EventType
from upwell_operator.cluster.connect import connect
from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.errors import Conflict, NotFound
from upwell_operator.reconcile.reporting import entry
from upwell_operator.resources.meta import Label
from upwell_operator.settings import Settings
from upwell_operator.store import Append, Store

NOBODY = "a-scheduler-that-nobody-is"
OURS = f"{Label.MANAGED_BY}=upwell"
LOOK_SECONDS = 0.1


def played(*deps: str) -> Json:
    """Give the spec of an Eager asset whose runs wait for the test."""
    overlay = {"spec": {"schedulerName": NOBODY}}
    return {
        "deps": [{"name": dep} for dep in deps],
        "materialize": {"container": {"image": SHELL}, "podTemplate": overlay},
        "autoMaterialize": {"policy": "Eager"},
        "history": {"successfulRuns": 5},
    }


class Stage:
    """One namespace: what is reported of its sources, and every run that was ever started in it."""

    def __init__(self, cluster: Cluster, store: Store, namespace: str, outcome: Callable[[Run], str]) -> None:
        self._cluster, self._store, self.namespace, self._outcome = cluster, store, namespace, outcome
        self.runs: dict[str, Run] = {}
        """Every run by the uid of its Job, in the order in which they were first seen."""
        self._ended: set[str] = set()
        self._reported = 0

    async def report(self, key: str, version: str) -> None:
        """Report a version of a source, as somebody outside does; it is durable when this returns."""
        self._reported += 1
        time = f"2026-01-01T00:00:{self._reported % 60:02}Z"
        event = Event(f"{key}:{self._reported}", EventType.OBSERVATION, key, time, version)
        await self._store.append([Append(AssetId(self.namespace, key), event, version=version)])

    async def play(self) -> None:
        """End every run as soon as it has a pod, until cancelled."""
        while True:
            await self.look()
            for pod in (await self._cluster.list("pods", self.namespace, OURS)).items:
                await self._end(pod)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Take in the Jobs that there are. None can come and go unseen: only `play` ends them."""
        for job in (await self._cluster.list("jobs", self.namespace, OURS)).items:
            run = read_run(job)
            assert run is not None, f"a Job that nobody can read: {job['metadata']}"
            self.runs[run.uid] = run

    async def _end(self, pod: Json) -> None:
        name = pod["metadata"]["name"]
        run = next((one for one in self.runs.values() if one.ref.name == pod["metadata"]["labels"][Label.RUN]), None)
        if name in self._ended or run is None:
            return
        version = self._outcome(run)
        if len(self._ended) % 2:
            result = Event(
                f"{name}:result", EventType.MATERIALIZATION, run.asset_key, begun(run).isoformat(), version, result=True
            )
            await self._store.append([entry(run, name, result, None, begun(run))])
        with suppress(Conflict, NotFound):
            message = "" if len(self._ended) % 2 else json.dumps({"dataVersion": version})
            await self._cluster.patch_status("pods", self.namespace, name, succeeded(pod, message))
            self._ended.add(name)

    async def until(self, what: Callable[[], Awaitable[Any] | Any], seconds: float = 60) -> Any:
        """Wait until something is true, and give it; fails with the sentence of what was not."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            found = what()
            found = await found if isinstance(found, Awaitable) else found
            if found:
                return found
            await asyncio.sleep(LOOK_SECONDS / 2)
        newest = list(self.runs.values())[-1:]
        raise AssertionError(f"not true after {seconds} s; {len(self.runs)} runs, the newest {newest}")

    def consumed(self, name: str, version: str) -> list[Run]:
        """Give the runs of an asset that consumed a version of its one input."""
        return [one for one in self.runs.values() if one.asset.name == name and one.inputs[0].data_version == version]

    async def fresh(self, name: str, version: str) -> bool:
        """Say whether an asset's status says that it is built from this version of its one input."""
        status = (await self._cluster.get("assets", self.namespace, name)).get("status") or {}
        verdicts = {one["type"]: one["status"] for one in status.get("conditions", ())}
        current = await self._store.states([AssetId(self.namespace, name)])
        built = [state.materialization for state in current.values() if state.materialization]
        return verdicts.get("Fresh") == "True" and [one.inputs[0].data_version for one in built] == [version]

    def twice(self) -> list[tuple[str, ...]]:
        """Give the sets of consumed versions for which an asset had more than one Job."""
        sets = Counter(
            (run.asset.name, *(f"{one.key}={one.data_version}" for one in run.inputs)) for run in self.runs.values()
        )
        return [one for one, count in sets.items() if count > 1]

    async def recorded(self, name: str) -> list[str]:
        """Give the runs whose results are in an asset's history; each should be there once."""
        page = await self._store.events(AssetId(self.namespace, name), limit=1000)
        return [one.run for one in page.items if one.run and one.event.result]


def begun(run: Run) -> datetime:
    """Give a time for a run's result."""
    assert run.created_at is not None
    return run.created_at


def succeeded(pod: Json, message: str) -> Json:
    """Give the status that a kubelet writes when the run's container has ended well."""
    ended = {"exitCode": 0, "reason": "Completed", **({"message": message} if message else {})}
    container = {"name": "run", "image": SHELL, "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Succeeded", "containerStatuses": [{**container, "state": {"terminated": ended}}]}
    return {"metadata": {"resourceVersion": pod["metadata"]["resourceVersion"]}, "status": status}


@asynccontextmanager
async def stage(namespace: str, redis_url: str, outcome: Callable[[Run], str]) -> AsyncIterator[Stage]:
    """Give the stage with its player at work; what goes wrong with him fails the test at its end."""
    cluster, store = await connect(), Store(Settings(redis_url=redis_url))
    ours = Stage(cluster, store, namespace, outcome)
    player = asyncio.ensure_future(ours.play())
    try:
        yield ours
        if player.done():
            player.result()
    finally:
        player.cancel()
        with suppress(asyncio.CancelledError):
            await player
        await store.close()
        await cluster.close()
