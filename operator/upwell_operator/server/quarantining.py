"""Quarantine and release: the server edits `spec.quarantine` for somebody who may patch the Asset, and decides nothing.

An entry that stands in git is released there; an edit here leaves all other entries alone. It is made at the version of
the object that was read, and once more at the next one if the operator has written its status meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from upwell_operator.cluster.port import Caller, Object
from upwell_operator.resources.meta import Kind
from upwell_operator.server.answers import Json
from upwell_operator.server.asking import Name, Namespace, Person, TheFace, Version
from upwell_operator.server.face import Face
from upwell_operator.server.finding import need
from upwell_operator.server.overtaking import unless_overtaken
from upwell_operator.server.problems import Problem, documented

router = APIRouter(tags=["requests"], responses=documented(401, 403, 404, 409, 422, 503))

Listed = list[dict[str, Any]]
Why = Annotated[str | None, Query(max_length=253, description="Why, for whoever is kept waiting by it.")]


class Quarantine(BaseModel):
    """The Asset's `spec.quarantine` as it is now."""

    namespace: str
    name: str
    quarantine: Listed


@router.post("/v1/assets/{namespace}/{name}/quarantine", response_model=Quarantine)
async def quarantine(
    *, namespace: Namespace, name: Name, face: TheFace, who: Person, version: Version, reason: Why = None
) -> Json:
    """Let nothing be built from a data version; for one that is quarantined already, say another reason."""
    entry = {"dataVersion": version, **({"reason": reason} if reason else {})}
    return await _edit(face, who, (namespace, name), lambda listed: [*_without(listed, version), entry])


@router.post("/v1/assets/{namespace}/{name}/release", response_model=Quarantine)
async def release(*, namespace: Namespace, name: Name, face: TheFace, who: Person, version: Version) -> Json:
    """Let a quarantined data version be built from again."""

    def released(listed: Listed) -> Listed:
        rest = _without(listed, version)
        if len(rest) == len(listed):
            known = ", ".join(str(one["dataVersion"]) for one in listed) or "none"
            detail = f"The Asset {name!r} has no data version {version!r} in quarantine; there: {known}."
            raise Problem(404, "not-quarantined", detail)
        return rest

    return await _edit(face, who, (namespace, name), released)


async def _edit(face: Face, who: Caller, place: tuple[str, str], change: Callable[[Listed], Listed]) -> Json:
    await face.rights.demand(who, "patch", Kind.ASSET.plural, *place)
    return await unless_overtaken(lambda: _edit_once(face, place, change))


async def _edit_once(face: Face, place: tuple[str, str], change: Callable[[Listed], Listed]) -> Json:
    asset: Object = await need(face, Kind.ASSET, *place)
    wanted = change(asset.get("spec", {}).get("quarantine") or [])
    version = {"resourceVersion": asset["metadata"]["resourceVersion"]}
    await face.cluster.patch(Kind.ASSET.plural, *place, {"metadata": version, "spec": {"quarantine": wanted or None}})
    return Json({"namespace": place[0], "name": place[1], "quarantine": wanted})


def _without(listed: Listed, version: str) -> Listed:
    return [one for one in listed if one["dataVersion"] != version]
