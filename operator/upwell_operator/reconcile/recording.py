"""What a finished Job came to, brought into the store: exactly once, whichever way its result travelled.

Most results arrived by HTTP while the pod still ran; then there is nothing to do but to say so on the Job. Else the
pods' termination messages are read; and a run that left nothing is a failure, or, for a materialization whose Job is
complete, a materialization without a word. Only then is the Job marked with its outcome, which lets it be pruned.

Every step can be repeated: event ids are fixed by run and attempt, and the store takes each once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from upwell.protocol import Event, EventType, RunKind
from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.diagnosis import why_failed
from upwell_operator.domain.event_rules import check_event
from upwell_operator.domain.partitions import Partitions, written
from upwell_operator.domain.reports import events_of, is_json_object, read_result
from upwell_operator.domain.snapshot import AssetId, Outcome, Run, RunPhase
from upwell_operator.domain.workloads import MAIN
from upwell_operator.errors import Forbidden, NotFound, Rejected
from upwell_operator.reconcile.reporting import entry
from upwell_operator.resources.meta import Annotation, Kind, Label
from upwell_operator.store.store import Store

Json = dict[str, Any]
FAILED = {RunKind.OBSERVE: EventType.OBSERVATION_FAILED, RunKind.MATERIALIZE: EventType.MATERIALIZATION_FAILED}


class Recorder:
    """Records the results of finished runs."""

    def __init__(self, cluster: Cluster, store: Store, clock: Callable[[], datetime]) -> None:
        self._cluster, self._store, self._clock = cluster, store, clock

    async def record(self, run: Run) -> Json | None:
        """Record a finished run and mark its Job; give the Job as it is now, None if it is gone.

        Raises StoreUnavailable and ClusterUnavailable; the caller tries again, nothing has been lost.
        """
        pods = await self._pods(run)
        data = AssetId(run.ref.namespace, run.asset_key)
        outcome = await self._store.outcome(data, run.uid)
        if outcome is None:
            await self._take_result(run, pods)
            outcome = await self._store.outcome(data, run.uid)
        if outcome is None:
            outcome = Outcome.FAILED  # superseded before it could count
        await self._keep_log(run, pods)
        ended = replace(run, outcome=outcome)
        await self._store.record_run(ended)
        return await self._mark(run, outcome)

    async def _pods(self, run: Run) -> list[Json]:
        listed = await self._cluster.list("pods", run.ref.namespace, f"{Label.RUN}={run.ref.name}")
        return sorted(listed.items, key=lambda pod: pod["metadata"].get("creationTimestamp") or "")

    async def _take_result(self, run: Run, pods: list[Json]) -> None:
        problem = await self._from_messages(run, pods)
        if await self._store.outcome(AssetId(run.ref.namespace, run.asset_key), run.uid):
            return
        now = self._clock()
        await self._store.append([entry(run, None, self._ending(run, pods, problem), None, now)])

    async def _from_messages(self, run: Run, pods: list[Json]) -> str | None:
        """Take what the pods left; give the sentence for what could not be taken."""
        problem = None
        for pod in pods:
            try:
                await self._from_message(run, pod)
            except (Rejected, Forbidden) as error:
                problem = str(error)
        return problem

    async def _from_message(self, run: Run, pod: Json) -> None:
        text, attempt, now = _message(pod), pod["metadata"]["name"], self._clock()
        result = read_result(text) if is_json_object(text) or _succeeded(pod) else None
        if result is None:
            return
        # what an attempt that failed could not post is history; that it names no version is no further news
        events = events_of(result, run, attempt, now) if _succeeded(pod) else result.events or []
        cut = await self._cut(run)
        await self._store.append([entry(run, attempt, check_event(one, now), cut, now) for one in events])

    async def _cut(self, run: Run) -> Partitions | None:
        """Give the asset's definition of partitions; of an asset that is gone none."""
        try:
            asset = await self._cluster.get(Kind.ASSET.plural, *run.asset)
        except NotFound:
            return None
        return written(asset.get("spec", {}))

    def _ending(self, run: Run, pods: list[Json], problem: str | None) -> Event:
        """Give the event that closes a run which reported no result of its own."""
        time = (run.ended_at or self._clock()).isoformat()
        if run.phase is RunPhase.SUCCEEDED and run.kind is RunKind.MATERIALIZE and problem is None:
            return Event(f"{run.uid}:end"[:64], EventType.MATERIALIZATION, run.asset_key, time, result=True)
        words = why_failed(run, pods) if run.phase is RunPhase.FAILED else problem or _silent(run)
        return Event(f"{run.uid}:end"[:64], FAILED[run.kind], run.asset_key, time, description=words)

    async def _keep_log(self, run: Run, pods: list[Json]) -> None:
        """Keep the end of the newest attempt's log; a pod that is gone has none."""
        if not pods:
            return
        try:
            log = await self._cluster.pod_log(run.ref.namespace, pods[-1]["metadata"]["name"])
        except (NotFound, Rejected):
            return
        await self._store.put_log(run.ref, log)

    async def _mark(self, run: Run, outcome: Outcome) -> Json | None:
        patch = {"metadata": {"annotations": {Annotation.OUTCOME.value: outcome.value}}}
        try:
            return await self._cluster.patch("jobs", run.ref.namespace, run.ref.name, patch)
        except NotFound:
            return None


def _silent(run: Run) -> str:
    return f"run {run.ref.name} ended well and left no result: return a DataVersion, or write $UPWELL_RESULT"


def _message(pod: Json) -> str:
    return (_terminated(pod).get("message") or "").strip()


def _succeeded(pod: Json) -> bool:
    return _terminated(pod).get("exitCode") == 0


def _terminated(pod: Json) -> Json:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if container.get("name") == MAIN:
            ended: Json = (container.get("state") or {}).get("terminated") or {}
            return ended
    return {}
