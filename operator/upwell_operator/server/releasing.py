"""Let a held version pass: the server writes one annotation for somebody who may patch the Asset; the operator does it.

A release names its version, so that it never lets one pass that came while somebody was looking.
"""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import Annotation, Kind
from upwell_operator.server.answers import Json
from upwell_operator.server.asking import Name, Namespace, Person, TheFace, Version
from upwell_operator.server.finding import need
from upwell_operator.server.problems import Problem, documented

router = APIRouter(tags=["requests"], responses=documented(401, 403, 404, 409, 422, 503))


class Released(BaseModel):
    """The release stands; it is done when the condition Held is gone."""

    namespace: str
    name: str
    version: str = Field(description=f"Value of the annotation {Annotation.RELEASED_VERSION}.")


@router.post("/v1/assets/{namespace}/{name}/held/release", response_model=Released, status_code=202)
async def release_held(*, namespace: Namespace, name: Name, face: TheFace, who: Person, version: Version) -> Json:
    """Let a data version pass that the Asset's guard holds."""
    await face.rights.demand(who, "patch", Kind.ASSET.plural, namespace, name)
    _check_held(await need(face, Kind.ASSET, namespace, name), version)
    patch = {"metadata": {"annotations": {Annotation.RELEASED_VERSION.value: version}}}
    await face.cluster.patch(Kind.ASSET.plural, namespace, name, patch)
    return Json({"namespace": namespace, "name": name, "version": version}, 202)


def _check_held(asset: Object, version: str) -> None:
    """Refuse what would do nothing. Raises Problem (404)."""
    held = (asset.get("status") or {}).get("held") or {}
    if held.get("version") != version:
        there = f"it holds {held['version']!r}" if held else "it holds none"
        detail = f"The Asset {asset['metadata']['name']!r} does not hold the data version {version!r}; {there}."
        raise Problem(404, "not-held", detail)
