"""The port for whoever holds a Lease: it reads as ever, and writes only while the Lease holds.

A plan is made while the Lease holds; its actions may wait for their turn, or for an answer, or be frozen with the
process, until another operator leads. So each write asks for itself, in the very step in which its body was composed.

Limits: a write that is already on its way arrives. A status then names the version that it was decided at, and a Job
its identity, so that neither harms.
"""

from __future__ import annotations

from collections.abc import Callable

from upwell_operator.cluster.port import Caller, Cluster, Listed, Object, Visit
from upwell_operator.errors import Waiting

AFTER_SECONDS = 1.0
"""When what was held back is tried again: a Lease in doubt may turn out to be held."""


class LeasedCluster:
    """A cluster whose writes raise Waiting while `holds` says no; all else is the cluster's own."""

    def __init__(self, cluster: Cluster, holds: Callable[[], bool]) -> None:
        self._cluster, self._holds = cluster, holds

    def _writing(self) -> Cluster:
        if not self._holds():
            raise Waiting("the Lease is not held; whoever holds it decides and writes", AFTER_SECONDS)
        return self._cluster

    async def get(self, resource: str, namespace: str, name: str) -> Object:
        """Give one object, as the port says."""
        return await self._cluster.get(resource, namespace, name)

    async def list(
        self, resource: str, namespace: str | None = None, selector: str = "", *, visit: Visit | None = None
    ) -> Listed:
        """Give all objects, as the port says."""
        return await self._cluster.list(resource, namespace, selector, visit=visit)

    async def create(self, resource: str, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object while the Lease holds."""
        return await self._writing().create(resource, obj, dry_run=dry_run)

    async def update(self, resource: str, obj: Object) -> Object:
        """Replace an object while the Lease holds."""
        return await self._writing().update(resource, obj)

    async def patch(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Patch an object while the Lease holds."""
        return await self._writing().patch(resource, namespace, name, patch)

    async def patch_status(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Patch a status while the Lease holds."""
        return await self._writing().patch_status(resource, namespace, name, patch)

    async def delete(self, resource: str, namespace: str, name: str, *, uid: str | None = None) -> None:
        """Delete an object while the Lease holds."""
        await self._writing().delete(resource, namespace, name, uid=uid)

    async def pod_log(self, namespace: str, pod: str, *, tail_bytes: int = 65536) -> str:
        """Give the end of a log, as the port says."""
        return await self._cluster.pod_log(namespace, pod, tail_bytes=tail_bytes)

    async def post_event(self, regarding: Object, *, reason: str, message: str, warning: bool = False) -> None:
        """Post an Event while the Lease holds."""
        await self._writing().post_event(regarding, reason=reason, message=message, warning=warning)

    async def review_token(self, token: str, audience: str) -> Caller | None:
        """Say whose token this is, as the port says."""
        return await self._cluster.review_token(token, audience)

    async def may(self, caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Say what a caller may do, as the port says."""
        return await self._cluster.may(caller, verb, resource, namespace, name)
