"""One status patch per object and pass, skipped when it would say the same; and an Event where a condition turned.

The patch carries the resourceVersion that the decision was made at, so that an operator that slept through the loss of
its Lease cannot write an old verdict over a new one. Nothing but the status subresource is ever written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from upwell_operator.cluster.port import Cluster
from upwell_operator.domain.actions import Planned
from upwell_operator.domain.asset_status import asset_status, refused_status
from upwell_operator.domain.conditions import difference
from upwell_operator.domain.job_status import job_status, schedule_status
from upwell_operator.domain.scheduling import activated
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.reconcile.mirror import Mirror, Seen
from upwell_operator.reconcile.queue import Key, Subject
from upwell_operator.reconcile.telling import Teller
from upwell_operator.resources.meta import API_VERSION, ConditionType, Reason

Json = dict[str, Any]
PLURALS = {Subject.ASSET: "assets", Subject.OBSERVATION_JOB: "observationjobs", Subject.SCHEDULE: "schedules"}
TOLD = (ConditionType.READY, ConditionType.FRESH, ConditionType.OBSERVED, ConditionType.HELD)


class Writer:
    """Brings statuses up to date."""

    def __init__(self, cluster: Cluster, world: World, mirror: Mirror, clock: Callable[[], datetime]) -> None:
        self._cluster, self._world, self._mirror, self._clock = cluster, world, mirror, clock
        self._teller = Teller(cluster, lambda: clock().timestamp())

    async def write(self, key: Key, planned: Planned, error: Stalled | None) -> set[Key]:
        """Patch one object's status, if it differs; give who must be looked at because of what it says now.

        Raises Conflict, NotFound, ClusterUnavailable.
        """
        seen = self._mirror.get(key)
        if seen is None:
            return set()
        previous = seen.status_json()
        patch = difference(previous, self._wanted(key, seen, previous, planned, error))
        if not patch:
            return set()
        body = {"metadata": {"resourceVersion": str(seen.version)}, "status": patch}
        obj = await self._cluster.patch_status(PLURALS[key.subject], *key.ref, body)
        dirty = self._mirror.wrote(key, obj)
        self._tell(key, seen, previous, obj.get("status") or {})
        return dirty

    async def told(self) -> None:
        """Wait until the Events of what was written are posted."""
        await self._teller.told()

    async def fetch(self, key: Key) -> Json:
        """Give an object as it is now. Raises NotFound, ClusterUnavailable."""
        return await self._cluster.get(PLURALS[key.subject], *key.ref)

    def _wanted(self, key: Key, seen: Seen, previous: Json, planned: Planned, error: Stalled | None) -> Json:
        now = self._clock()
        if seen.error is not None:
            return refused_status(previous, seen.generation, Reason(seen.error.reason), str(seen.error), now)
        wrong = (Reason(error.reason), str(error)) if error else None
        if key.subject is Subject.OBSERVATION_JOB:
            return job_status(self._world, self._world.jobs[key.ref], previous, planned, now, wrong)
        if key.subject is Subject.SCHEDULE:
            schedule = activated(self._world.schedules[key.ref], now)
            return schedule_status(self._world, schedule, previous, planned, now, wrong)
        asset = self._world.graph.get(key.ref)
        if asset is None or key.ref not in self._world.verdicts:
            return previous  # it has just come or gone, and is dirty for that
        handled = planned.handled_request or asset.handled_request
        return asset_status(self._world, asset, previous, now, handled=handled, tick=planned.tick, error=wrong)

    def _tell(self, key: Key, seen: Seen, before: Json, after: Json) -> None:
        about = {
            "apiVersion": API_VERSION,
            "kind": key.subject.value,
            "metadata": {"namespace": key.ref.namespace, "name": key.ref.name, "uid": seen.uid},
        }
        for condition in turned(before, after):
            self._teller.tell(about, condition)


def turned(before: Json, after: Json) -> Iterator[Json]:
    """Give the conditions whose reason is another now, apart from those that say at first sight that all is well."""
    old = {one["type"]: one["reason"] for one in before.get("conditions") or ()}
    for one in after.get("conditions") or ():
        first = one["type"] not in old and one["status"] != "False" and one["type"] != ConditionType.HELD
        if one["type"] in TOLD and one["reason"] != old.get(one["type"]) and not first:
            yield one
