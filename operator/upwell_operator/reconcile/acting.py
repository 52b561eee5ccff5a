"""Carries out what a plan asks for. Every action may have been done before, by us or by a rival: then it is done.

Rules: a Job's name is its identity, so AlreadyExists is success if it is ours; a Job that the API server refuses is the
spec's fault (InvalidPodTemplate), and a person must act.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.accept import pod_digest
from upwell_operator.domain.actions import Action, EndRun, PruneRun, StartGroup, StartRun
from upwell_operator.domain.group_workloads import group_job
from upwell_operator.domain.runs import read_runs
from upwell_operator.domain.snapshot import Ref
from upwell_operator.domain.workloads import job
from upwell_operator.errors import AlreadyExists, Conflict, Rejected, Stalled
from upwell_operator.resources.asset import AssetSpec
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.pod import RunTemplate
from upwell_operator.settings import Settings

Json = dict[str, Any]


class Actor:
    """Turns actions into API calls. `spec_of` gives the spec of an asset as it was last seen."""

    def __init__(self, cluster: Cluster, settings: Settings, spec_of: Callable[[Any], Json]) -> None:
        self._cluster, self._settings, self._spec_of = cluster, settings, spec_of

    async def act(self, action: Action) -> Json | None:
        """Do one action; give the Job that exists because of it. Raises errors of the port, and Stalled."""
        if isinstance(action, PruneRun | EndRun):
            run = action.run if isinstance(action, PruneRun) else action.runs[0]
            await self._cluster.delete("jobs", *run.job_ref, uid=run.uid or None)
            return None
        if isinstance(action, StartGroup):
            return await self._create(action.ref, self._group(action), action.members)
        return await self._create(action.ref, self._job(action), (action,))

    async def _create(self, ref: Ref, job: Json, starts: Sequence[StartRun]) -> Json:
        try:
            return await self._cluster.create("jobs", job)
        except AlreadyExists:
            return await self._ours(ref, starts)
        except Rejected as error:
            whose = "" if len(starts) == 1 else f" of {starts[0].asset.ref.name} and those that share its pod"
            where = f"spec.{starts[0].kind.value}{whose}"
            raise Stalled(Reason.INVALID_POD_TEMPLATE, f"the Job is refused: {error}; mend {where}") from error

    def _job(self, start: StartRun) -> Json:
        return job(start, self._template(start), self._settings)

    def _group(self, start: StartGroup) -> Json:
        """Give the Job that a group shares. Raises Conflict when an asset's pod is another one meanwhile."""
        templates = {one.asset.ref: self._template(one) for one in start.members}
        for one in start.members:
            if pod_digest(self._spec_of(one.asset.ref).get("observe") or {}) != one.asset.pod:
                raise Conflict(f"{one.asset.ref} has another pod now")
        return group_job(start, templates, self._settings)

    def _template(self, start: StartRun) -> RunTemplate:
        spec = AssetSpec.model_validate(self._spec_of(start.asset.ref))
        template = spec.observe or spec.materialize
        if template is None:
            raise Stalled(Reason.INVALID_SPEC, "spec: neither observe nor materialize says what to run")
        return template

    async def _ours(self, ref: Ref, starts: Sequence[StartRun]) -> Json:
        found = await self._cluster.get("jobs", *ref)
        if {run.asset for run in read_runs(found)} != {one.asset.ref for one in starts}:
            raise Stalled(Reason.INVALID_POD_TEMPLATE, f"a Job named {ref.name} exists and is not ours; delete it")
        return found
