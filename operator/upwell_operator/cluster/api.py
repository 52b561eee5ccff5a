"""How resources and rights are spelled in the Kubernetes API: paths, kinds, and what RBAC calls each verb of the port.

Limits: only the resources that Upwell touches; a new one is one line in `APIS`, and one in `rbac.USES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from upwell_operator.errors import Rejected
from upwell_operator.resources import meta

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
"""What every real name looks like, and needs no quoting: this is asked at every call."""
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Api:
    """Where a resource lives in the API."""

    group: str
    version: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Give `apiVersion` as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Give the path that the group's resources lie under."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


APIS: dict[str, Api] = {
    **{kind.plural: Api(meta.GROUP, meta.VERSION, kind.value) for kind in meta.Kind},
    "jobs": Api("batch", "v1", "Job"),
    "pods": Api("", "v1", "Pod"),
    "configmaps": Api("", "v1", "ConfigMap"),
    "leases": Api("coordination.k8s.io", "v1", "Lease"),
    "events": Api("events.k8s.io", "v1", "Event"),
    "namespaces": Api("", "v1", "Namespace", namespaced=False),
    "customresourcedefinitions": Api("apiextensions.k8s.io", "v1", "CustomResourceDefinition", namespaced=False),
    "tokenreviews": Api("authentication.k8s.io", "v1", "TokenReview", namespaced=False),
    "subjectaccessreviews": Api("authorization.k8s.io", "v1", "SubjectAccessReview", namespaced=False),
}


def path(resource: str, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
    """Give the URL path of a list or an object.

    Raises KeyError for a resource that is not in `APIS`, and Rejected for a name that is no path segment: servers undo
    the quoting of a slash, so `../secrets` would lead elsewhere (the API itself refuses to create such names).
    """
    api = APIS[resource]
    scope = ["namespaces", namespace] if api.namespaced and namespace else []
    parts = [part for part in (*scope, resource, name, subresource) if part]
    return "/".join([api.root, *(part if _PLAIN.fullmatch(part) else _quoted(part) for part in parts)])


def _quoted(part: str) -> str:
    if part in {".", ".."} or "/" in part or "%" in part:
        raise Rejected(f"{part!r} is no name: a name has no slash and no percent sign")
    return quote(part, safe="")


@dataclass(frozen=True, slots=True)
class Right:
    """What RBAC must grant for one verb of the port; `resource` empty means the resource the verb is called with."""

    verbs: tuple[str, ...]
    subresource: str = ""
    resource: str = ""


def needs(*verbs: str, subresource: str = "", resource: str = "") -> Callable[[F], F]:
    """Declare beside a verb which rights it takes; `rbac.rules` reads them, nothing else does."""

    def declare(function: F) -> F:
        function.__rbac__ = Right(verbs, subresource, resource)  # type: ignore[attr-defined]
        return function

    return declare
