"""The resources that the embedded cluster serves: plural, apiVersion, kind, and whether status is a subresource.

Limits: all are namespaced; a Namespace exists by being named. What is not in the table is not found, as on a cluster
where the CRD is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass

from upwell_operator.cluster.port import Object
from upwell_operator.errors import NotFound, Rejected
from upwell_operator.resources.meta import API_VERSION, Kind


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of the table."""

    plural: str
    api_version: str
    kind: str
    has_status: bool = False
    """Status is a subresource, and metadata.generation counts changes of the rest."""


RESOURCES = {
    row.plural: row
    for row in (
        *(Resource(kind.plural, API_VERSION, kind.value, has_status=True) for kind in Kind),
        Resource("jobs", "batch/v1", "Job", has_status=True),
        Resource("pods", "v1", "Pod", has_status=True),
        Resource("configmaps", "v1", "ConfigMap"),
        Resource("secrets", "v1", "Secret"),
        Resource("serviceaccounts", "v1", "ServiceAccount"),
        Resource("persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
        Resource("events", "v1", "Event"),
        Resource("leases", "coordination.k8s.io/v1", "Lease"),
    )
}
OURS = frozenset(kind.plural for kind in Kind)
_BY_KIND = {(row.api_version, row.kind): row for row in RESOURCES.values()}


def served(plural: str) -> Resource:
    """Give the row of a plural name. Raises NotFound, as the API server answers for a resource it does not know."""
    try:
        return RESOURCES[plural]
    except KeyError:
        raise NotFound(f"the embedded cluster has no resource {plural!r}; it has {', '.join(RESOURCES)}") from None


def resource_of(obj: Object) -> Resource:
    """Give the row of an object's apiVersion and kind. Raises Rejected naming both."""
    wanted = (str(obj.get("apiVersion")), str(obj.get("kind")))
    try:
        return _BY_KIND[wanted]
    except KeyError:
        raise Rejected(f"no matches for kind {wanted[1]!r} in version {wanted[0]!r}; {_suggestion(wanted)}") from None


def _suggestion(wanted: tuple[str, str]) -> str:
    versions = [version for version, kind in _BY_KIND if kind == wanted[1]]
    if versions:
        return f"write apiVersion: {versions[0]}"
    return f"the embedded cluster knows {', '.join(sorted(row.kind for row in RESOURCES.values()))}"
