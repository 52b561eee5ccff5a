"""Which rights each process needs, derived from what is declared beside the verbs: the one source of the chart's roles.

`USES` says which verbs of the port a process calls on which resource, and why; the verbs themselves say what RBAC calls
that (`api.needs`). Limits: one word is not the port's: `watch`, which kopf does (it lists, then watches).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from upwell_operator.cluster.api import APIS, Right
from upwell_operator.cluster.kube import KubeCluster
from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import GROUP, Kind


class Process(StrEnum):
    """Who needs the rights; each has its own ServiceAccount. Users' pods need none."""

    OPERATOR = "operator"
    SERVER = "server"


class Scope(StrEnum):
    """Where the rights are granted."""

    WATCHED = "watched"
    """In the namespaces that are watched: a Role in each, or one ClusterRole for all."""
    OWN = "own"
    """In the process's own namespace."""
    CLUSTER = "cluster"
    """On what has no namespace: always a ClusterRole."""


@dataclass(frozen=True, slots=True)
class Use:
    """A process calls these verbs of the port on this resource."""

    process: Process
    scope: Scope
    resource: str
    verbs: tuple[str, ...]
    why: str


_OP, _SRV = Process.OPERATOR, Process.SERVER
USES: tuple[Use, ...] = (
    Use(_OP, Scope.WATCHED, "assets", ("watch", "get", "list", "patch_status"), "hear of them, and write their status"),
    Use(_OP, Scope.WATCHED, "observationjobs", ("watch", "get", "list", "patch_status"), "the same"),
    Use(_OP, Scope.WATCHED, "schedules", ("watch", "get", "list", "patch_status"), "the same"),
    # an owner reference that blocks deletion needs the right to finalize the owner, where that is enforced (OpenShift)
    Use(_OP, Scope.WATCHED, "assets", ("own",), "runs are owned by their asset"),
    Use(_OP, Scope.WATCHED, "jobs", ("watch", "get", "list", "create", "patch", "delete"), "runs"),
    Use(_OP, Scope.WATCHED, "pods", ("list", "pod_log"), "termination messages and logs of runs"),
    Use(_OP, Scope.WATCHED, "events", ("post_event",), "say what happened"),
    Use(_OP, Scope.OWN, "leases", ("get", "create", "update"), "one active operator"),
    # kopf looks for kinds that are installed, and namespaces that are made, after it; without the right it only warns
    Use(_OP, Scope.CLUSTER, "customresourcedefinitions", ("watch",), "hear when the kinds are installed"),
    Use(_OP, Scope.CLUSTER, "namespaces", ("watch",), "hear when a watched namespace is made"),
    Use(_SRV, Scope.WATCHED, "assets", ("get", "list", "patch"), "show them; annotate if the caller may"),
    Use(_SRV, Scope.WATCHED, "observationjobs", ("get", "list", "patch"), "the same"),
    Use(_SRV, Scope.WATCHED, "schedules", ("get", "list"), "show them"),
    Use(_SRV, Scope.WATCHED, "jobs", ("get", "list"), "the trusted facts of a run are on its Job"),
    Use(_SRV, Scope.WATCHED, "pods", ("get", "list", "pod_log"), "which run a pod belongs to; live logs"),
    Use(_SRV, Scope.CLUSTER, "tokenreviews", ("review_token",), "who is asking"),
    Use(_SRV, Scope.CLUSTER, "subjectaccessreviews", ("may",), "may they"),
)



class Role(StrEnum):
    """What people may have: added to the cluster's own roles of that name, and to those above it."""

    VIEW = "view"
    EDIT = "edit"


_KINDS = tuple(kind.plural for kind in Kind)
_READ, _WRITE = ("get", "list", "watch"), ("create", "delete", "deletecollection", "patch", "update")
PEOPLE: dict[Role, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    Role.VIEW: ((_KINDS, _READ), (("assets/log",), ("get",))),
    Role.EDIT: ((_KINDS, _WRITE), (("assets/events",), ("update",))),
}
"""Resources and verbs; the two subresources are those that the server asks for (`server/people.py`)."""

NOT_THE_PORTS = {
    "watch": Right(("list", "watch")),
    "own": Right(("update",), subresource="finalizers"),
}


def rules(process: Process, *scopes: Scope) -> list[Object]:
    """Give `rules` of a Role or ClusterRole for a process, in a stable order; of all scopes if none is named."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for use in USES:
        if use.process is process and (not scopes or use.scope in scopes):
            for verb in use.verbs:
                right = _right(verb)
                resource = right.resource or use.resource
                name = f"{resource}/{right.subresource}" if right.subresource else resource
                verbs[APIS[resource].group, name] |= set(right.verbs)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": sorted(allowed)}
        for (group, resource), allowed in sorted(verbs.items())
    ]


def people(role: Role) -> list[Object]:
    """Give `rules` of an aggregated ClusterRole for people."""
    return [
        {"apiGroups": [GROUP], "resources": list(resources), "verbs": list(verbs)} for resources, verbs in PEOPLE[role]
    ]


def declared(process: Process, verb: str, resource: str) -> bool:
    """Say whether a process has declared that it calls this verb of the port on this resource."""
    return any(u.process is process and u.resource == resource and verb in u.verbs for u in USES)


def _right(verb: str) -> Right:
    if verb in NOT_THE_PORTS:
        return NOT_THE_PORTS[verb]
    right: Right = getattr(KubeCluster, verb).__rbac__
    return right
