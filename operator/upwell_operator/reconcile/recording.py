"""What a finished Job came to, brought into the store: exactly once, whichever way its result travelled.

Most results arrived by HTTP while the pod still ran; then there is nothing to do but to say so on the Job. Else the
pods' termination messages are read; and a run that left nothing is a failure, or, for a materialization whose Job is
complete, a materialization without a word. Only then is the Job marked with its outcome, which lets it be pruned.

Every step can be repeated: event ids are fixed by run and attempt, and the store takes each once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from upwell.protocol import Event, EventType, RunKind
from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.diagnosis import why_failed
from upwell_operator.domain.event_rules import check_event
from upwell_operator.domain.partitions import Partitions, written
from upwell_operator.domain.partitions import problem as wrong_key
from upwell_operator.domain.reports import events_of, is_json_object, read_result
from upwell_operator.domain.runs import log_ref, observed_by, outcomes_json
from upwell_operator.domain.snapshot import AssetId, Outcome, Ref, Run, RunPhase
from upwell_operator.domain.workloads import MAIN
from upwell_operator.errors import Forbidden, NotFound, Rejected
from upwell_operator.reconcile.reporting import entry, reporter
from upwell_operator.resources.meta import Annotation, Kind, Label
from upwell_operator.store.store import Store

Json = dict[str, Any]
_GRAVEST = (Outcome.FAILED, Outcome.CHANGED)
"""What a shared Job came to is what its gravest member came to."""
FAILED = {RunKind.OBSERVE: EventType.OBSERVATION_FAILED, RunKind.MATERIALIZE: EventType.MATERIALIZATION_FAILED}


class Recorder:
    """Records the results of finished runs."""

    def __init__(self, cluster: Cluster, store: Store, clock: Callable[[], datetime]) -> None:
        self._cluster, self._store, self._clock = cluster, store, clock

    async def record(self, runs: Sequence[Run]) -> Json | None:
        """Record the runs that a finished Job carries, and mark it; give the Job as it is now, None if it is gone.

        Raises StoreUnavailable and ClusterUnavailable; the caller tries again, nothing has been lost.
        """
        pods = await self._pods(runs[0].job_ref)
        known = await self._outcomes(runs)
        if None in known:
            await self._take_results(runs, pods)
            known = await self._outcomes(runs)
        outcomes = [outcome or Outcome.FAILED for outcome in known]  # superseded before it could count
        await self._keep_logs(runs, pods)
        for run, outcome in zip(runs, outcomes, strict=True):
            await self._store.record_run(_ended(run, outcome))
        return await self._mark(runs[0], outcomes)

    async def _outcomes(self, runs: Sequence[Run]) -> list[Outcome | None]:
        return [await self._store.outcome(AssetId(run.ref.namespace, run.asset_key), run.report_id) for run in runs]

    async def _pods(self, job: Ref) -> list[Json]:
        listed = await self._cluster.list("pods", job.namespace, f"{Label.RUN}={job.name}")
        return sorted(listed.items, key=lambda pod: pod["metadata"].get("creationTimestamp") or "")

    async def _take_results(self, runs: Sequence[Run], pods: list[Json]) -> None:
        """Take what the pods left, and close the runs of which even they tell nothing."""
        problem = await self._from_messages(runs, pods)
        silent = [run for run, outcome in zip(runs, await self._outcomes(runs), strict=True) if outcome is None]
        now = self._clock()
        cut = await self._cut(silent[0]) if silent else None
        ends = [
            entry(run, None, self._ending(run, observed_by(run, pods), problem or _misplaced(run, cut, now)), cut, now)
            for run in silent
        ]
        if ends:
            await self._store.append(ends)

    async def _from_messages(self, runs: Sequence[Run], pods: list[Json]) -> str | None:
        """Take what the pods left; give the sentence for what could not be taken."""
        problem = None
        for pod in pods:
            try:
                await self._from_message(runs, pod)
            except (Rejected, Forbidden) as error:
                problem = str(error)
        return problem

    async def _from_message(self, runs: Sequence[Run], pod: Json) -> None:
        text, attempt, now = _message(pod), pod["metadata"]["name"], self._clock()
        result = read_result(text) if is_json_object(text) or _succeeded(pod) else None
        if result is None:
            return
        # what an attempt that failed could not post is history; that it names no version is no further news
        events = events_of(result, runs[0], attempt, now) if _succeeded(pod) else result.events or []
        entry_of = reporter(runs, await self._cut(runs[0]), now)
        await self._store.append([entry_of(attempt, check_event(one, now)) for one in events])

    async def _cut(self, run: Run) -> Partitions | None:
        """Give the asset's definition of partitions; of an asset that is gone, or that shares its pod, none."""
        if run.group is not None:
            return None
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

    async def _keep_logs(self, runs: Sequence[Run], pods: list[Json]) -> None:
        """Keep the end of the newest attempt's log, once for all that one pod observed; a pod that is gone has none."""
        for ref, run in {log_ref(run): run for run in runs}.items():
            if mine := observed_by(run, pods):
                await self._keep_log(ref, mine[-1]["metadata"]["name"])

    async def _keep_log(self, ref: Ref, pod: str) -> None:
        try:
            log = await self._cluster.pod_log(ref.namespace, pod)
        except (NotFound, Rejected):
            return
        await self._store.put_log(ref, log)

    async def _mark(self, run: Run, outcomes: Sequence[Outcome]) -> Json | None:
        notes = {Annotation.OUTCOME.value: next((one for one in _GRAVEST if one in outcomes), outcomes[0]).value}
        if run.group:
            notes[Annotation.OUTCOMES.value] = outcomes_json(outcomes)
        try:
            return await self._cluster.patch("jobs", *run.job_ref, {"metadata": {"annotations": notes}})
        except NotFound:
            return None


def _ended(run: Run, outcome: Outcome) -> Run:
    """Give a run as it is remembered; in a Job that failed because of others, one that was observed is a success."""
    worked = run.group is not None and outcome is not Outcome.FAILED
    return replace(run, outcome=outcome, phase=RunPhase.SUCCEEDED if worked else run.phase)


def _misplaced(run: Run, cut: Partitions | None, now: datetime) -> str | None:
    """Say what is wrong with a run whose partition the asset has no longer."""
    if run.partition is None:
        return None
    wrong = "the asset is not built by partition any more" if cut is None else wrong_key(cut, run.partition, now)
    return wrong and f"partition {run.partition} was built, but {wrong}"


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
