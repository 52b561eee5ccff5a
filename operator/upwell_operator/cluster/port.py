"""The port to a cluster: every verb that Upwell needs from Kubernetes, and nothing else.

Two things stand behind it: `cluster.kube` (a real API server) and `local.memory` (the embedded one that `upwell dev`
and the simulation use). `tests/contract` runs one suite against both, so that they cannot drift apart. Objects are
plain dicts in Kubernetes' own shape. Errors are those of `errors.py`, whoever raises them.

Limits: the port does not watch; in a cluster kopf does, locally the memory cluster's own watch does, and both hand what
they saw to the same reconciler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


Visit = Callable[[Iterable[Object]], None]
"""Takes some objects of a list that is too long to be held."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a token, as TokenReview tells it; `pod` only for a pod-bound token."""

    username: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    namespace: str | None = None
    pod: str | None = None
    pod_uid: str | None = None
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A complete list, and the resourceVersion it is true at."""

    items: list[Object]
    resource_version: str


class Cluster(Protocol):
    """What the operator and the server ask of a cluster.

    `resource` is the plural name: assets, observationjobs, schedules, jobs, pods, configmaps, leases.
    Every verb raises `ClusterUnavailable` when the API server does not answer, and `Forbidden` when rights are missing.
    """

    async def get(self, resource: str, namespace: str, name: str) -> Object:
        """Give one object. Raises NotFound."""
        ...

    async def list(
        self, resource: str, namespace: str | None = None, selector: str = "", *, visit: Visit | None = None
    ) -> Listed:
        """Give all objects of a namespace, or of all; `selector` is a label selector. Pages internally.

        With `visit`, each page is handed to it and kept nowhere: `items` is empty. It may see an object twice.
        """
        ...

    async def create(self, resource: str, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object. Raises AlreadyExists, Rejected (with the server's message), Conflict never."""
        ...

    async def update(self, resource: str, obj: Object) -> Object:
        """Replace an object; its metadata.resourceVersion must be the current one. Raises Conflict, NotFound."""
        ...

    async def patch(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Merge-patch an object (not its status). With metadata.resourceVersion in it: raises Conflict if it is old."""
        ...

    async def patch_status(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Merge-patch the status: `patch` is {"metadata": {"resourceVersion"}, "status": {…}}. Raises Conflict."""
        ...

    async def delete(self, resource: str, namespace: str, name: str, *, uid: str | None = None) -> None:
        """Delete in the background, with dependents; success when it is gone. `uid` guards against a namesake."""
        ...

    async def pod_log(self, namespace: str, pod: str, *, tail_bytes: int = 65536) -> str:
        """Give the end of the run container's log; empty when there is none (any more)."""
        ...

    async def post_event(self, regarding: Object, *, reason: str, message: str, warning: bool = False) -> None:
        """Post one Kubernetes Event about an object; a refusal is logged, never raised."""
        ...

    async def review_token(self, token: str, audience: str) -> Caller | None:
        """Say whose token this is; None when it is not valid for the audience. "" is the API server's own audience."""
        ...

    async def may(self, caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Say whether RBAC lets the caller do this to our kinds (SubjectAccessReview)."""
        ...
