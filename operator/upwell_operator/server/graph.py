"""The lineage: which asset is made of which, as nodes and edges, from the Assets' own specs and conditions.

`observable` says whether there is any source to observe, which is when a page shows its "Observe sources" button.

An edge from an asset that was not asked for is there like any other: `missing` says that there is no such Asset at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import ConditionType, Kind
from upwell_operator.server.acting import why_not
from upwell_operator.server.answers import Json, condition, place
from upwell_operator.server.asking import InNamespace, InSelection, Person, TheFace
from upwell_operator.server.face import Face
from upwell_operator.server.finding import find_asset, key_in
from upwell_operator.server.problems import documented
from upwell_operator.server.selecting import listed_and_selected

router = APIRouter(tags=["assets"], responses=documented(401, 403, 422, 503))

Place = tuple[str, str]
"""Namespace and name."""


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
    message: str | None = Field(description="The message of Fresh.")
    causes: list[dict[str, Any]] = Field(description="What makes it stale: its `status.staleCauses`.")
    ready: str
    ready_message: str | None = Field(alias="readyMessage")
    running: bool = Field(description="A run of it goes on.")
    observable: bool = Field(description="It has spec.observe, and is neither suspended nor being deleted.")


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
    """All Assets the caller asked for, and their deps, which need not be among them."""

    nodes: list[Node]
    edges: list[Edge]
    observable: bool = Field(description="At least one of the nodes can be observed.")


@router.get("/v1/graph", response_model=Graph)
async def get_graph(face: TheFace, who: Person, namespace: InNamespace = None, selection: InSelection = None) -> Json:
    """Give the lineage of all Assets, of a namespace's, or of what a selection comes to there."""
    listed, selected = await listed_and_selected(face, who, namespace, selection)
    there = {place(asset) for asset in listed}
    return Json(graph(selected, there | await _elsewhere(face, selected, namespace)))


async def _elsewhere(face: Face, assets: Iterable[Object], namespace: str | None) -> set[Place]:
    """Give the deps in other namespaces that exist; an Asset's own status tells the same to whoever may read it."""
    if namespace is None:
        return set()
    far = {dep for asset in assets for dep in _deps(asset) if dep[0] != namespace}
    return {dep for dep in sorted(far) if await find_asset(face, *dep) is not None}


def graph(assets: Iterable[Object], there: AbstractSet[Place]) -> dict[str, Any]:
    """Build the graph of some Assets, in the order of their names; `there` are all that exist as far as they need."""
    found = sorted(assets, key=place)
    nodes = [_node(asset) for asset in found]
    edges = [_edge(asset, dep, there) for asset in found for dep in _deps(asset)]
    return {"nodes": nodes, "edges": edges, "observable": any(node["observable"] for node in nodes)}


def _node(asset: Object) -> dict[str, Any]:
    spec, status = asset.get("spec", {}), asset.get("status") or {}
    fresh, ready = condition(asset, ConditionType.FRESH), condition(asset, ConditionType.READY)
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
        "message": fresh.get("message"),
        "causes": status.get("staleCauses") or [],
        "ready": ready.get("status", "Unknown"),
        "readyMessage": ready.get("message"),
        "running": bool(status.get("activeRuns")),
        "observable": spec.get("observe") is not None and why_not(Kind.ASSET, asset) is None,
    }


def _deps(asset: Object) -> list[Place]:
    return [(dep.get("namespace") or place(asset)[0], dep["name"]) for dep in asset.get("spec", {}).get("deps") or ()]


def _edge(asset: Object, dep: Place, there: AbstractSet[Place]) -> dict[str, Any]:
    namespace, name = place(asset)
    return {
        "from": {"namespace": dep[0], "name": dep[1]},
        "to": {"namespace": namespace, "name": name},
        "missing": dep not in there,
    }
