"""What is trusted about a run, or about those that share a Job: read from it, once the pod was found to be its own.

The pod is who kubelet's token says it is; its label and its owner lead to the Job; the Job's annotations, which the
operator wrote, say asset, kind, fence and inputs. Nothing that the pod says about itself is believed.

Limits: whoever may create Jobs in a namespace can write such annotations, and so report for that namespace's assets;
the boundary is the namespace, as it is for ServiceAccounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from upwell_operator.cluster.port import Caller, Cluster, Object
from upwell_operator.domain.partitions import Partitions, written
from upwell_operator.domain.runs import read_runs
from upwell_operator.domain.snapshot import Run
from upwell_operator.errors import NotFound
from upwell_operator.resources.meta import Kind, Label
from upwell_operator.server.cached import Cached
from upwell_operator.server.problems import Problem

CACHED_RUNS: Final = 4096
TTL_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One pod of a Job, as the cluster tells it: exactly these runs it may report for."""

    runs: tuple[Run, ...]
    pod: str
    cut: Partitions | None = None
    """How the asset was cut into partitions when the run first reported."""


class RunBook:
    """Finds the facts of the run that a pod belongs to; they never change, so they are kept."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._now: Callable[[], float] = lambda: clock().timestamp()
        self._cache: Cached[tuple[str, str, str], RunFacts] = Cached(CACHED_RUNS, self._now)

    async def facts(self, caller: Caller, namespace: str, run: str) -> RunFacts:
        """Give the facts, or raise Problem (403) when the caller is no pod of this run."""
        pod, uid = caller.pod, caller.pod_uid
        if pod is None or uid is None:
            raise _forbidden("The token is not bound to a pod; only the pods of a run may report for it.")
        if caller.namespace != namespace:
            raise _forbidden(f"The pod {caller.namespace}/{pod} may not report for a run of namespace {namespace}.")
        return await self._cache.get((uid, namespace, run), lambda: self._load(namespace, run, pod, uid))

    async def _load(self, namespace: str, run: str, pod: str, uid: str) -> tuple[RunFacts, float]:
        job = await self._job_of(namespace, run, pod, uid)
        facts = _facts_of(job, pod)
        return replace(facts, cut=await self._cut(facts.runs[0])), self._now() + TTL_SECONDS

    async def _cut(self, run: Run) -> Partitions | None:
        if run.group is not None:
            return None  # what is cut into partitions shares no Job
        try:
            asset = await self._cluster.get(Kind.ASSET.plural, *run.asset)
        except NotFound:
            return None
        return written(asset.get("spec", {}))

    async def _job_of(self, namespace: str, run: str, pod: str, uid: str) -> Object:
        try:
            found = await self._cluster.get("pods", namespace, pod)
            owner = job_owner(found, run)
            if found["metadata"].get("uid") != uid or owner is None:
                raise _forbidden(f"The pod {namespace}/{pod} does not belong to the run {run}; report to its own run.")
            job = await self._cluster.get("jobs", namespace, run)
        except NotFound:
            raise _forbidden(f"The pod {namespace}/{pod} or the Job {namespace}/{run} is gone.") from None
        if job["metadata"].get("uid") != owner:
            raise _forbidden(f"The pod {namespace}/{pod} belongs to an earlier Job named {run}.")
        return job


def job_owner(pod: Object, run: str) -> str | None:
    """Give the uid of the Job named `run` that controls a pod; None if label or owner say otherwise."""
    metadata = pod["metadata"]
    if (metadata.get("labels") or {}).get(Label.RUN) != run:
        return None
    owners = metadata.get("ownerReferences") or []
    return next((owner["uid"] for owner in owners if owner["kind"] == "Job" and owner["name"] == run), None)


def _facts_of(job: Object, pod: str) -> RunFacts:
    runs = read_runs(job)
    if not runs:
        name = f"{job['metadata']['namespace']}/{job['metadata']['name']}"
        raise _forbidden(f"The Job {name} was not made by Upwell: it lacks the annotations of a run.")
    return RunFacts(runs, pod)


def _forbidden(detail: str) -> Problem:
    return Problem(403, "not-your-run", detail)
