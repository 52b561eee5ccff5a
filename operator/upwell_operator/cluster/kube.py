"""A real Kubernetes API server behind the port: plain dicts in, plain dicts out, each verb with the rights it needs.

Writes name the field manager `upwell`; objects that are created are checked strictly, so that a field the server does
not know is refused, not dropped. `managedFields` is taken off everything that is read: nobody here reads it, and it is
half of a small object. Limits: no watch (kopf has it), no server-side apply (merge patches of status have one writer).
"""

from __future__ import annotations

import logging
from typing import Self

from upwell_operator.cluster import reviews
from upwell_operator.cluster.api import APIS, needs, path
from upwell_operator.cluster.events import Recorder
from upwell_operator.cluster.port import Caller, Listed, Object, Visit
from upwell_operator.cluster.rest import Request, Rest
from upwell_operator.errors import ClusterUnavailable, Conflict, NotFound, Rejected, UpwellError
from upwell_operator.resources.meta import FIELD_MANAGER

PAGE = 500
LIST_ATTEMPTS = 3
"""A continue token expires after minutes; a list that is slower than that starts anew this often."""
RUN_CONTAINER = "run"
_WRITER = {"fieldManager": FIELD_MANAGER}

logger = logging.getLogger(__name__)


class KubeCluster:
    """`port.Cluster` on a real API server. Made by `connect`; `namespace` is the caller's default one."""

    def __init__(self, rest: Rest, namespace: str = "default") -> None:
        self.rest = rest
        self.namespace = namespace
        self._recorder = Recorder(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.rest.close()

    @needs("get")
    async def get(self, resource: str, namespace: str, name: str) -> Object:
        """Give one object. Raises NotFound."""
        return _bare(await self.rest.call(Request("GET", *_where("get", resource, namespace, name))))

    @needs("list")
    async def list(
        self, resource: str, namespace: str | None = None, selector: str = "", *, visit: Visit | None = None
    ) -> Listed:
        """Give all objects of a namespace, or of all, read page by page at one resourceVersion."""
        for _ in range(LIST_ATTEMPTS):
            items: list[Object] = []
            version = await self._pages(resource, namespace, selector, visit or items.extend)
            if version is not None:
                return Listed(items, version)
        raise ClusterUnavailable(f"cannot list {resource}: the list took longer than the server keeps a version")

    @needs("create")
    async def create(self, resource: str, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object. Raises AlreadyExists, or Rejected with the server's message."""
        meta = obj["metadata"]
        doing = f"create {resource} {_named(meta.get('namespace'), meta.get('name', ''))}"
        query = {**_WRITER, "fieldValidation": "Strict", "dryRun": "All" if dry_run else ""}
        return _bare(await self.rest.call(Request("POST", path(resource, meta.get("namespace")), doing, query, obj)))

    @needs("update")
    async def update(self, resource: str, obj: Object) -> Object:
        """Replace an object at its metadata.resourceVersion. Raises Conflict, NotFound; Rejected without a version."""
        meta = obj["metadata"]
        if not meta.get("resourceVersion"):
            # some kinds may be replaced unconditionally; here that could only be a lost update
            raise Rejected(f"cannot update {resource} {meta['name']}: metadata.resourceVersion is missing")
        where, doing = _where("update", resource, meta.get("namespace"), meta["name"])
        return _bare(await self.rest.call(Request("PUT", where, doing, _WRITER, obj)))

    @needs("patch")
    async def patch(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Merge-patch an object (not its status). Raises Conflict if the patch names an old resourceVersion."""
        where, doing = _where("patch", resource, namespace, name)
        return _bare(await self.rest.call(Request("PATCH", where, doing, _WRITER, patch)))

    @needs("patch", subresource="status")
    async def patch_status(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Merge-patch the status subresource. Raises Conflict if the patch names an old resourceVersion."""
        where, doing = _where("patch the status of", resource, namespace, name)
        return _bare(await self.rest.call(Request("PATCH", f"{where}/status", doing, _WRITER, patch)))

    @needs("delete")
    async def delete(self, resource: str, namespace: str, name: str, *, uid: str | None = None) -> None:
        """Delete in the background, with dependents; success when the object, or the one of this uid, is gone."""
        options: Object = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        where, doing = _where("delete", resource, namespace, name)
        try:
            await self.rest.call(Request("DELETE", where, doing, body=options))
        except (NotFound, Conflict):
            return  # gone, or a namesake holds the name: the precondition on the uid is the only source of a conflict

    @needs("get", subresource="log", resource="pods")
    async def pod_log(self, namespace: str, pod: str, *, tail_bytes: int = 65536) -> str:
        """Give the end of the run container's log; empty when there is none (any more)."""
        where, doing = _where("read the log of", "pods", namespace, pod)
        # limitBytes would cut the end off, so lines bound what is read and bytes what is kept
        query = {"container": RUN_CONTAINER, "tailLines": max(tail_bytes // 16, 1)}
        try:
            data = await self.rest.tail(Request("GET", f"{where}/log", doing, query), tail_bytes)
        except (NotFound, Rejected):
            return ""  # the pod is gone, or its container has not started
        return data.decode("utf-8", "replace")

    @needs("create", "patch", resource="events")
    async def post_event(self, regarding: Object, *, reason: str, message: str, warning: bool = False) -> None:
        """Post one Kubernetes Event, joined with its like and held back when there are too many; never raises."""
        try:
            await self._recorder.post(regarding, reason=reason, message=message, warning=warning)
        except UpwellError as error:
            logger.warning("event %s was not posted: %s", reason, error)

    @needs("create", resource="tokenreviews")
    async def review_token(self, token: str, audience: str) -> Caller | None:
        """Say whose token this is; None when it is not valid for the audience ("" is the API server's own)."""
        answer = await self._review("tokenreviews", reviews.token_review(token, audience), "review a token")
        return reviews.caller_of(answer, audience)

    @needs("create", resource="subjectaccessreviews")
    async def may(self, caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Say whether RBAC lets the caller do this to our kinds."""
        body = reviews.access_review(caller, verb, resource, namespace, name)
        answer = await self._review("subjectaccessreviews", body, "review access")
        return bool(answer.get("status", {}).get("allowed"))

    async def _review(self, resource: str, body: Object, doing: str) -> Object:
        return await self.rest.call(Request("POST", path(resource), doing, body=body))

    async def _pages(self, resource: str, namespace: str | None, selector: str, visit: Visit) -> str | None:
        """Read every page; None when the server no longer knows the version that the first page had (410)."""
        token, version = "", ""
        while True:
            try:
                page = await self._page(resource, namespace, selector, token)
            except Rejected:
                if token:
                    return None
                raise
            version = version or page["metadata"]["resourceVersion"]
            visit([_bare(item, resource) for item in page["items"]])
            token = page["metadata"].get("continue", "")
            if not token:
                return str(version)

    async def _page(self, resource: str, namespace: str | None, selector: str, token: str) -> Object:
        doing = f"list {resource} {f'in {namespace}' if namespace else 'in all namespaces'}"
        query = {"limit": PAGE, "labelSelector": selector, "continue": token}
        return await self.rest.call(Request("GET", path(resource, namespace), doing, query))


def _where(verb: str, resource: str, namespace: str | None, name: str) -> tuple[str, str]:
    """Give an object's path, and what is being done to it in words."""
    return path(resource, namespace, name), f"{verb} {resource} {_named(namespace, name)}"


def _named(namespace: str | None, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _bare(obj: Object, resource: str = "") -> Object:
    """Take managedFields off, and put on what items of built-in kinds lack in lists: apiVersion and kind."""
    obj.get("metadata", {}).pop("managedFields", None)
    if resource and "kind" not in obj:
        obj["apiVersion"], obj["kind"] = APIS[resource].api_version, APIS[resource].kind
    return obj
