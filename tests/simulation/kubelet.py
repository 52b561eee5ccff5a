"""Jobs as Kubernetes runs them, without running anything: attempts, results, deaths, and statuses that tell of them.

A run reads nothing but its Job. Its result travels as in the product: to the server (here: the same `entry` and the
same `append`), to the pod's termination message when the server did not acknowledge, or both ways when only the
acknowledgement was lost. What became of each event is kept, for those who check that nothing was lost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from simulation import shared
from simulation.trace import Trace
from simulation.weather import Storm
from upwell.protocol import EXIT_PERMANENT, Event, EventType, InputVersion, RunKind
from upwell_operator.domain.runs import read_runs
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.errors import NotFound, StoreUnavailable
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.objects import stamp
from upwell_operator.reconcile.reporting import reporter
from upwell_operator.resources.meta import Label
from upwell_operator.store import Store

Json = dict[str, Any]
WAYS = {
    "posts": 10, "leaves a message": 3, "both ways": 2, "plain result": 2, "silent": 1, "crashes": 2, "permanent": 1,
    "killed after posting": 1, "fails, then posts": 1, "gets stuck": 1, "logs on the way": 2,
}  # fmt: skip
"""What an attempt does, and how often."""
LONGEST, LONGEST_IN_CALM = 40.0, 2.0
KILLED, CRASHED = 137, 1


@dataclass
class Acknowledged:
    """An event that the server took, and when."""

    id: AssetId
    event: Event
    run: Run
    at: float


@dataclass
class Kubelet:
    """Runs every Job of the cluster."""

    cluster: MemoryCluster
    store: Store
    storm: Storm
    dice: Random
    trace: Trace
    look: Callable[[str], str]
    """Gives the version of a source's data as it is outside at this moment."""
    acknowledged: list[Acknowledged] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    _count: int = 0

    async def work(self) -> None:
        """Run Jobs as they appear."""
        async for event, job in self.cluster.watch("jobs"):
            if event == "ADDED":
                asyncio.get_running_loop().create_task(self._job(job))

    async def _job(self, job: Json) -> None:
        uid = job["metadata"]["uid"]
        self.running.add(uid)
        try:
            await self._attempts(job)
        except NotFound:
            self.trace(f"kubelet: {job['metadata']['name']} is gone while it ran")
        finally:
            self.running.discard(uid)

    async def _attempts(self, job: Json) -> None:
        runs = read_runs(job)
        assert runs, job
        run, failed = runs[0], 0
        await asyncio.sleep(self.dice.uniform(0.1, 2))
        if run.group is not None:
            complete = await shared.observe(self, job, runs)
            end = ("Complete", "CompletionsReached") if complete else ("Failed", "FailedIndexes")
            return await self._end(run, *end)
        while True:
            way = self.dice.choices(list(WAYS), list(WAYS.values()))[0]
            if self.storm.over and way == "gets stuck":
                way = "posts"
            attempt = _Attempt(self, run, way)
            code = await attempt.go()
            if code == 0:
                return await self._end(run, "Complete", "CompletionsReached")
            failed += 1
            if code == EXIT_PERMANENT:
                return await self._end(run, "Failed", "PodFailurePolicy")
            if code is None:
                return await self._end(run, "Failed", "DeadlineExceeded")
            if failed > job["spec"]["backoffLimit"]:
                return await self._end(run, "Failed", "BackoffLimitExceeded")
            await asyncio.sleep(self.dice.uniform(1, 5))

    async def _end(self, run: Run, kind: str, reason: str) -> None:
        """Let the Job controller notice, and the pods of some Jobs vanish before anybody has read them."""
        await asyncio.sleep(self.dice.uniform(0.05, 1))
        now = stamp(self.cluster.now())
        condition = {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": now}
        status: Json = {"conditions": [condition]}
        if kind == "Complete":
            status["completionTime"] = now
        if self.dice.random() < self.storm.now.lost_pods:
            await self._lose_pods(run)
        self.trace(f"kubelet: {run.job_ref.name} is {kind} ({reason})")
        self._alive(run)
        await self.cluster.patch_status("jobs", *run.job_ref, {"status": status})

    async def _lose_pods(self, run: Run) -> None:
        for pod in (await self.cluster.list("pods", run.ref.namespace, f"{Label.RUN}={run.job_ref.name}")).items:
            self.trace(f"kubelet: pod {pod['metadata']['name']} is lost with its node")
            await self.cluster.delete("pods", run.ref.namespace, pod["metadata"]["name"])

    def _alive(self, run: Run) -> None:
        """Raise NotFound when the Job is gone, or has a namesake's uid."""
        if not self.cluster._shelf.has_uid(run.uid):
            raise NotFound("gone, or a namesake")

    async def post(self, runs: Sequence[Run], pod: str, events: list[Event]) -> bool:
        """Post as a pod of a Job; say whether the server took it."""
        if self.storm.store_down:
            return False
        entry_of = reporter(runs, None, self.cluster.now())
        try:
            await self.store.append([entry_of(pod, one) for one in events])
        except StoreUnavailable:
            return False
        now, by_key = asyncio.get_running_loop().time(), {run.asset_key: run for run in runs}
        for one in events:
            about = AssetId(runs[0].ref.namespace, one.asset_key)
            self.acknowledged.append(Acknowledged(about, one, by_key.get(one.asset_key, runs[0]), now))
        self.trace(f"pod {pod}: acknowledged {[(one.id, one.type.value, one.data_version) for one in events]}")
        return True

    async def exit(self, pod: str, run: Run, code: int, result: Json | None = None) -> int:
        """End a pod, with what it leaves behind."""
        ended: Json = {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}
        if result is not None:
            ended["message"] = json.dumps(result)
        status = {"containerStatuses": [{"name": "run", "state": {"terminated": ended}}]}
        await self.cluster.patch_status("pods", run.ref.namespace, pod, {"status": status})
        return code

    def pod(self, name: str, run: Run, labels: Json | None = None) -> Json:
        """Give a pod of a run's Job."""
        job = run.job_ref.name
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": run.uid, "controller": True}
        meta = {"name": name, "namespace": run.ref.namespace, "labels": {Label.RUN.value: job, **(labels or {})}}
        spec = {"containers": [{"name": "run", "image": "any"}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "ownerReferences": [owner]}, "spec": spec}

    def result(self, events: list[Event]) -> Json:
        """Write events as the runner leaves them."""
        return {"events": [_wire(one) for one in events]}

    def next_id(self) -> str:
        """Give an id that no event has had."""
        self._count += 1
        return f"E{self._count:06d}"


class _Attempt:
    """One pod."""

    def __init__(self, kubelet: Kubelet, run: Run, way: str) -> None:
        self.kubelet, self.run, self.way = kubelet, run, way
        self.pod = f"{run.ref.name}-{kubelet.dice.randrange(16**5):05x}"
        self.posted = False

    async def go(self) -> int | None:
        """Run; give the exit code, None for a deadline."""
        kubelet, run, dice = self.kubelet, self.run, self.kubelet.dice
        kubelet._alive(run)
        await kubelet.cluster.create("pods", kubelet.pod(self.pod, run))
        kubelet.trace(f"pod {self.pod}: {run.kind.value} of {run.asset_key} {self.way}")
        half = dice.random() * (LONGEST_IN_CALM if kubelet.storm.over else LONGEST) / 2
        await asyncio.sleep(half)
        version = self._version()
        await asyncio.sleep(half + dice.random())
        return await getattr(self, f"_{''.join(c if c.isalpha() else '_' for c in self.way)}")(version)

    def _version(self) -> str | None:
        """Look at the world, or build: what is built depends on what was consumed, and sometimes does not differ."""
        run, dice = self.run, self.kubelet.dice
        if run.kind is RunKind.OBSERVE:
            return self.kubelet.look(run.asset_key)
        if run.fence % 3 == 0 or dice.random() < 0.4:
            return None
        return f"{run.asset_key}-{sum(map(len, _consumed(run.inputs))) % 2}{dice.choice('ab')}"

    def _event(self, version: str | None, *, result: bool = True, kind: EventType | None = None) -> Event:
        own = EventType.OBSERVATION if self.run.kind is RunKind.OBSERVE else EventType.MATERIALIZATION
        time = self.kubelet.cluster.now().isoformat()
        return Event(self.kubelet.next_id(), kind or own, self.run.asset_key, time, version, result=result)

    # ------------------------------------------------------------- ways

    async def _posts(self, version: str | None) -> int:
        return await self._post_or_leave([self._event(version)])

    async def _logs_on_the_way(self, version: str | None) -> int:
        """Log what a function may: metadata about its own asset, which is no result."""
        await self._post([self._event(None, result=False, kind=EventType.OBSERVATION)])
        await asyncio.sleep(1)
        return await self._post_or_leave([self._event(version)])

    async def _post_or_leave(self, events: list[Event]) -> int:
        if await self._post(events):
            return await self._exit(0)
        return await self._exit(0, {"events": [_wire(one) for one in events]})

    async def _leaves_a_message(self, version: str | None) -> int:
        return await self._exit(0, {"events": [_wire(self._event(version))]})

    async def _both_ways(self, version: str | None) -> int:
        event = self._event(version)
        await self._post([event])
        return await self._exit(0, {"events": [_wire(event)]})

    async def _plain_result(self, version: str | None) -> int:
        return await self._exit(0, {"dataVersion": version} if version else {"metadata": {"rows": 1}})

    async def _silent(self, _version: str | None) -> int:
        return await self._exit(0)

    async def _crashes(self, _version: str | None) -> int:
        await self._post([self._event(None, result=False, kind=EventType.ATTEMPT_FAILED)])
        return await self._exit(CRASHED, {"error": "ValueError: no such table"})

    async def _permanent(self, _version: str | None) -> int:
        return await self._exit(EXIT_PERMANENT, {"error": "function not found"})

    async def _killed_after_posting(self, version: str | None) -> int:
        await self._post([self._event(version)])
        return await self._exit(KILLED)

    async def _fails__then_posts(self, version: str | None) -> int | None:
        """The Job is over by its deadline, while the pod in its grace period still posts."""
        asyncio.get_running_loop().create_task(self._late(version))
        return None

    async def _late(self, version: str | None) -> None:
        await asyncio.sleep(self.kubelet.dice.uniform(0.5, 30))
        await self._post([self._event(version)])

    async def _gets_stuck(self, _version: str | None) -> None:
        await asyncio.sleep(120)

    # ------------------------------------------------------------- the pod's words

    async def _post(self, events: list[Event]) -> bool:
        """Post to the server; say whether it acknowledged."""
        kubelet, run = self.kubelet, self.run
        await asyncio.sleep(kubelet.dice.random() * 0.1)
        if not self.posted and not self._known():
            return False
        if not await kubelet.post((run,), self.pod, events):
            return False
        self.posted = True
        return kubelet.dice.random() > 0.05  # the answer may be lost

    def _known(self) -> bool:
        """The server reads the Job once, and remembers it."""
        try:
            self.kubelet._alive(self.run)
        except NotFound:
            return False
        return True

    async def _exit(self, code: int, result: Json | None = None) -> int:
        return await self.kubelet.exit(self.pod, self.run, code, result)


def _consumed(inputs: tuple[InputVersion, ...]) -> list[str]:
    return [one.data_version or "" for one in inputs]


def _wire(event: Event) -> Json:
    """Write an event as the runner does."""
    names = {"asset_key": "assetKey", "data_version": "dataVersion"}
    return {names.get(key, key): value for key, value in asdict(event).items() if value not in (None, {}, False)}
