"""The lineage: which asset is made of which, as nodes and edges, from the Assets' own specs and conditions.

`observable` says whether there is any source to observe, which is when a page shows its "Observe sources" button.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import ConditionType, Kind
from upwell_operator.server.answers import Json, condition, place
from upwell_operator.server.asking import InNamespace, Person, TheFace
from upwell_operator.server.finding import key_in
from upwell_operator.server.problems import documented

router = APIRouter(tags=["assets"], responses=documented(401, 403, 422, 503))


class Node(BaseModel):
    """An Asset in the graph."""

    namespace: str
    name: str
    key: str
    kind: str | None
    group: str
    fresh: str
    reason: str | None
    data_version: str | None = Field(alias="dataVersion")
    observable: bool


class End(BaseModel):
    """One end of an edge."""

    namespace: str
    name: str


class Edge(BaseModel):
    """`to` is made of `from`; `missing` if there is no such Asset."""

    from_: End = Field(alias="from")
    to: End
    missing: bool


class Graph(BaseModel):
    """All Assets the caller asked for, and their deps."""

    nodes: list[Node]
    edges: list[Edge]
    observable: bool = Field(description="At least one of the nodes can be observed.")


@router.get("/v1/graph", response_model=Graph)
async def get_graph(face: TheFace, who: Person, namespace: InNamespace = None) -> Json:
    """Give the lineage of all Assets, or of a namespace's."""
    await face.rights.demand(who, "list", Kind.ASSET.plural, namespace or "")
    return Json(graph((await face.cluster.list(Kind.ASSET.plural, namespace)).items))


def graph(assets: Iterable[Object]) -> dict[str, Any]:
    """Build the graph of some Assets, in the order of their names."""
    found = sorted(assets, key=place)
    nodes = [_node(asset) for asset in found]
    known = {place(asset) for asset in found}
    edges = [_edge(asset, dep, known) for asset in found for dep in asset.get("spec", {}).get("deps") or ()]
    return {"nodes": nodes, "edges": edges, "observable": any(node["observable"] for node in nodes)}


def _node(asset: Object) -> dict[str, Any]:
    spec, status = asset.get("spec", {}), asset.get("status") or {}
    fresh = condition(asset, ConditionType.FRESH)
    namespace, name = place(asset)
    return {
        "namespace": namespace,
        "name": name,
        "key": key_in(asset),
        "kind": status.get("kind"),
        "group": spec.get("group") or "default",
        "fresh": fresh.get("status", "Unknown"),
        "reason": fresh.get("reason"),
        "dataVersion": status.get("dataVersion"),
        "observable": spec.get("observe") is not None,
    }


def _edge(asset: Object, dep: dict[str, Any], known: set[tuple[str, str]]) -> dict[str, Any]:
    namespace, name = place(asset)
    source = (dep.get("namespace") or namespace, dep["name"])
    return {
        "from": {"namespace": source[0], "name": source[1]},
        "to": {"namespace": namespace, "name": name},
        "missing": source not in known,
    }
