"""Carries out what a plan asks for. Every action may have been done before, by us or by a rival: then it is done.

Rules: a Job's name is its identity, so AlreadyExists is success if it is ours; a Job that the API server refuses is the
spec's fault (InvalidPodTemplate), and a person must act.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.actions import Action, EndRun, PruneRun, StartRun
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.workloads import job
from upwell_operator.errors import AlreadyExists, Rejected, Stalled
from upwell_operator.resources.asset import AssetSpec
from upwell_operator.resources.meta import Reason
from upwell_operator.settings import Settings

Json = dict[str, Any]


class Actor:
    """Turns actions into API calls. `spec_of` gives the spec of an asset as it was last seen."""

    def __init__(self, cluster: Cluster, settings: Settings, spec_of: Callable[[Any], Json]) -> None:
        self._cluster, self._settings, self._spec_of = cluster, settings, spec_of

    async def act(self, action: Action) -> Json | None:
        """Do one action; give the Job that exists because of it. Raises errors of the port, and Stalled."""
        if isinstance(action, PruneRun | EndRun):
            await self._cluster.delete("jobs", *action.run.ref, uid=action.run.uid or None)
            return None
        return await self._start(action)

    async def _start(self, start: StartRun) -> Json:
        try:
            return await self._cluster.create("jobs", self._job(start))
        except AlreadyExists:
            return await self._ours(start)
        except Rejected as error:
            raise Stalled(
                Reason.INVALID_POD_TEMPLATE, f"the Job is refused: {error}; mend spec.{start.kind.value}"
            ) from error

    def _job(self, start: StartRun) -> Json:
        spec = AssetSpec.model_validate(self._spec_of(start.asset.ref))
        template = spec.observe or spec.materialize
        if template is None:
            raise Stalled(Reason.INVALID_SPEC, "spec: neither observe nor materialize says what to run")
        return job(start, template, self._settings)

    async def _ours(self, start: StartRun) -> Json:
        found = await self._cluster.get("jobs", *start.ref)
        run = read_run(found)
        if run is None or run.asset != start.asset.ref:
            raise Stalled(
                Reason.INVALID_POD_TEMPLATE, f"a Job named {start.ref.name} exists and is not ours; delete it"
            )
        return found
